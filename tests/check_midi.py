#!/usr/bin/env python3
"""A second reader's view of generated MIDI files: valid, whole bars, no note left sounding.

usage: check_midi.py [--tempi] BARS FILE...; with --tempi a file may change its tempo
"""
import sys

try:
    import mido
except ImportError:
    print("SKIPPED: no second MIDI reader (Debian: python3-mido)", file=sys.stderr)
    sys.exit(0)


def faults(path, bars, changes):
    """What is wrong with one file, a text a fault."""
    midi = mido.MidiFile(path)
    signatures = []
    tempi = []
    lengths = []
    n_notes = 0
    for track in midi.tracks:
        now = 0
        sounding = set()
        for message in track:
            now += message.time
            if message.type == "set_tempo":
                tempi.append(now)
            elif message.type == "time_signature":
                signatures.append((now, message.numerator, message.denominator))
            elif message.type == "note_on" and message.velocity > 0:
                if message.note in sounding:
                    yield f"key {message.note} struck at {now} while it sounds"
                sounding.add(message.note)
                n_notes += 1
            elif message.type in ("note_off", "note_on"):
                if message.note not in sounding:
                    yield f"key {message.note} released at {now}, never struck"
                sounding.discard(message.note)
        if sounding:
            yield f"keys {sorted(sounding)} left sounding"
        if track[-1].type != "end_of_track":
            yield "a track without an end"
        lengths.append(now)
    if n_notes == 0:
        yield "no notes"
    if tempi[:1] != [0] or (len(tempi) > 1 and not changes):
        yield f"tempi at {tempi}, want one at 0"
    _, numerator, denominator = signatures[0]
    want = bars * 4 * midi.ticks_per_beat * numerator // denominator
    if set(lengths) != {want}:
        yield f"tracks end at {lengths}, want {want}"


def main():
    changes = sys.argv[1] == "--tempi"
    bars, *paths = sys.argv[1 + changes :]
    found = 0
    for path in paths:
        for fault in faults(path, int(bars), changes):
            print(f"{path}: {fault}")
            found += 1
    sys.exit(found > 0)


main()
