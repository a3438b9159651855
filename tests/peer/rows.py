"""Rows to train on: made up, all of one length, or read from a corpus of `affekt pack`."""
import numpy as np

from batch import NONE, Vocabulary

PITCH_LOW, PITCH_HIGH, BAR, N_TEMPO, N_VELOCITY, N_TONAL = 21, 108, 255, 49, 32, 99
TEMPO_SHIFT, VELOCITY_SHIFT = 2, 8
REST, START, HOLD = range(3)
TRAIN, ROW_SEGMENTS, LABELLED_SHARE = 0, 2, 0.25
ATTRIBUTES = ("rhythm_density", "note_density", "note_rate", "tempo", "note_length", "velocity",
              "polyphony", "mode_margin", "register", "pitch_spread")
FADERS = [0, 1, 7, 8]
RHYTHM, TONAL = [2, 3, 4, 5, 6], [7, 8, 9]


class Tables:
    """The tokeniser's vocabulary as a function of grid steps a quarter note and bars a segment."""

    def __init__(self, grid, bars):
        fine = 4 if 4 * grid <= 52 else 2
        self.duration_steps = np.array([*range(1, fine * grid + 1),
                                        *(grid * q for q in range(fine + 1, 17))])
        self.bar_steps = np.array([4 * grid * n // d for d, most in ((2, 4), (4, 9), (8, 15), (16, 15))
                                   for n in range(1, most + 1) if 4 * grid * n % d == 0])
        self.common = list(self.bar_steps).index(4 * grid, 4)  # 4/4
        size = dict(tempo=N_TEMPO, signature=len(self.bar_steps), position=int(self.bar_steps.max()),
                    pitch=N_TONAL, duration=len(self.duration_steps),
                    velocity=N_VELOCITY, tonal=N_TONAL)
        self.vocabulary = Vocabulary(size, bars)

    def grids(self, is_bar, position, pitch, duration, tonic):
        """Onset grid (bars, positions) and chroma (bars, 12), as their targets."""
        bars, positions = self.vocabulary.bars, self.vocabulary.size["position"]
        lengths = self.bar_steps[duration[is_bar]]
        first, bar = np.cumsum(lengths) - lengths, np.cumsum(is_bar) - 1
        onset, chroma = np.full((bars, positions), NONE, np.uint8), np.zeros((bars, 12), np.float32)
        flat = np.full(lengths.sum(), REST, np.uint8)
        note = ~is_bar
        start = first[bar[note]] + position[note]
        for begin, steps in zip(start, self.duration_steps[duration[note]]):
            flat[begin : begin + steps] = HOLD
        flat[start] = START
        for b, length in enumerate(lengths):
            onset[b, :length] = flat[first[b] : first[b] + length]
        np.add.at(chroma, (bar[note], (pitch[note].astype(int) - tonic + 24) % 12), 1)
        return onset, chroma / np.maximum(chroma.sum(1, keepdims=True), 1)

    def segment(self, events, tonic, label, attributes, shift=(0, 0, 0)):
        """A segment from the corpus's four columns, moved by (pitch, tempo, velocity)."""
        position, pitch, duration, velocity = events
        is_bar = position == BAR
        bar = lambda x: np.where(is_bar, x, NONE).astype(np.uint8)
        note = lambda x: np.where(is_bar, NONE, x).astype(np.uint8)
        whole = pitch.astype(int)
        tempo = np.where(whole == 0, 0, np.clip(whole + shift[1], 1, N_TEMPO - 1))
        loud = np.clip(velocity.astype(int) + shift[2], 1, 127) * N_VELOCITY // 128
        onset, chroma = self.grids(is_bar, position, pitch, duration, tonic)
        raw, scaled = attributes
        return dict(tempo=bar(tempo), signature=bar(duration), position=note(position),
                    pitch=note(whole - tonic - (PITCH_LOW - 6)), duration=note(duration),
                    velocity=note(loud), tonal=note(whole - tonic - (PITCH_LOW - 6)),
                    bar=(np.cumsum(is_bar) - 1).astype(np.uint8), tonic=(tonic + shift[0]) % 12,
                    label=label, onset=onset, chroma=chroma, faders=raw[FADERS],
                    rhythm=scaled[RHYTHM], tonal_attributes=scaled[TONAL])


class Synthetic:
    """Rows of one segment of a given number of events, in 4/4."""

    def __init__(self, n_events, generator):
        self.tables, self.n_events, self.generator = Tables(4, 8), n_events, generator

    def segment(self, label):
        g, bars = self.generator, self.tables.vocabulary.bars
        cuts = np.sort(g.choice(np.arange(1, self.n_events), bars - 1, replace=False))
        starts = np.zeros(self.n_events, bool)
        starts[np.concatenate([[0], cuts])] = True
        position = np.where(starts, BAR, g.integers(0, 16, self.n_events)).astype(np.uint8)
        pitch = np.where(starts, g.integers(1, N_TEMPO), g.integers(36, 96, self.n_events))
        duration = np.where(starts, self.tables.common, g.integers(0, 28, self.n_events))
        velocity = np.where(starts, 0, g.integers(1, 128, self.n_events))
        attributes = g.standard_normal(len(ATTRIBUTES)).astype(np.float32)
        return self.tables.segment((position, pitch, duration, velocity), int(g.integers(-5, 7)),
                                   label, (attributes, attributes))

    def batch(self, n_rows):
        """Rows of a global batch, the unlabelled first."""
        n_labelled = round(LABELLED_SHARE * n_rows)
        labels = [-1] * (n_rows - n_labelled) + [i % 4 for i in range(n_labelled)]
        return [[self.segment(label)] for label in labels]


class Corpus:
    """The training rows of a corpus: all of an epoch in drawn order, unlabelled and labelled apart,
    cut at an offset that moves with the epoch."""

    def __init__(self, path, generator):
        import h5py

        with h5py.File(path) as file:
            self.tables = Tables(int(file.attrs["grid"]), int(file.attrs["bars"]))
            events, self.segments, pieces = (file[name][:] for name in ("events", "segments", "pieces"))
        self.events = [events[name] for name in ("position", "pitch", "duration", "velocity")]
        self.attributes = np.stack([self.segments[name] for name in ATTRIBUTES], 1)
        self.pieces = pieces[pieces["split"] == TRAIN]
        train = self.attributes[np.isin(self.segments["piece"], np.nonzero(pieces["split"] == TRAIN)[0])]
        self.mean, self.deviation = np.nanmean(train, 0), np.nanstd(train, 0)
        self.deviation[self.deviation < 1e-6] = 1
        self.generator, self.waiting, self.epoch = generator, {}, {False: 0, True: 0}

    def epoch_rows(self, labelled):
        rows, offset = [], self.epoch[labelled] % ROW_SEGMENTS
        for piece in self.pieces[(self.pieces["label"] >= 0) == labelled]:
            first, end = piece["first_segment"], piece["first_segment"] + piece["n_segments"]
            cuts = [first, *range(first + (offset or ROW_SEGMENTS), end, ROW_SEGMENTS), end]
            rows += [(a, b, piece["label"]) for a, b in zip(cuts, cuts[1:])]
        self.epoch[labelled] += 1
        self.generator.shuffle(rows)
        return rows

    def next_row(self, labelled):
        if not self.waiting.get(labelled):
            self.waiting[labelled] = self.epoch_rows(labelled)
        return self.row(*self.waiting[labelled].pop())

    def row(self, first, end, label):
        pieces = [[column[s["first"] : s["first"] + s["count"]] for column in self.events]
                  for s in self.segments[first:end]]
        pitches = np.concatenate([pitch[position != BAR] for position, pitch, _, _ in pieces])
        low = max(PITCH_LOW - int(pitches.min()), -5)
        high = min(PITCH_HIGH - int(pitches.max()), 6)
        shift = (int(self.generator.integers(min(low, 0), max(high, 0) + 1)),
                 int(self.generator.integers(-TEMPO_SHIFT, TEMPO_SHIFT + 1)),
                 int(self.generator.integers(-VELOCITY_SHIFT, VELOCITY_SHIFT + 1)))
        return [self.tables.segment(events, int(self.segments[first + i]["tonic"]), int(label),
                                    self.shifted(first + i, shift), shift)
                for i, events in enumerate(pieces)]

    def shifted(self, segment, shift):
        """Attributes of a segment, measured and standardised."""
        raw = self.attributes[segment].copy()
        stretch = 0 if np.isnan(raw[3]) else shift[1] * np.log(2) / 12
        raw[[2, 3]] += np.float32(stretch)
        raw[4] -= np.float32(stretch)
        raw[5] += shift[2]
        return raw, ((raw - self.mean) / self.deviation).astype(np.float32)

    def batch(self, n_rows):
        n_labelled = round(LABELLED_SHARE * n_rows)
        return ([self.next_row(False) for _ in range(n_rows - n_labelled)]
                + [self.next_row(True) for _ in range(n_labelled)])


def row_events(row):
    return sum(len(segment["bar"]) for segment in row)


def share(rows, n_ranks, rank):
    """This rank's rows of each kind: the heaviest row to the lightest rank, and so on."""
    mine = []
    for labelled in (False, True):
        load = [0] * n_ranks
        some = [row for row in rows if (row[0]["label"] >= 0) == labelled]
        for row in sorted(some, key=row_events, reverse=True):
            lightest = load.index(min(load))
            load[lightest] += row_events(row)
            if lightest == rank:
                mine.append(row)
    return mine


def cut(rows, most):
    """Runs of rows of one kind and at most `most` events."""
    runs, events = [], 0
    for row in rows:
        n = row_events(row)
        if runs and events + n <= most and (runs[-1][0][0]["label"] < 0) == (row[0]["label"] < 0):
            runs[-1].append(row)
            events += n
        else:
            runs.append([row])
            events = n
    return runs
