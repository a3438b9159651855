#!/usr/bin/env python3
"""Reads an event file of TensorBoard, checksums included, and compares it with a metrics.jsonl.
Usage: read_tensorboard.py EVENTS METRICS"""
import json
import math
import struct
import sys


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        (length,), (crc,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert crc == masked_crc(data[:8]), "checksum of a length"
        event, (crc,) = data[12:12 + length], struct.unpack("<I", data[12 + length:16 + length])
        assert crc == masked_crc(event), "checksum of an event"
        yield event
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    """(number, value) of each field of a protocol buffer."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else varint(data, at)
            value, at = data[at:at + size], at + size
        assert at <= len(data), "a field is cut off"
        yield key >> 3, value


def scalars(event):
    event = dict(fields(event))
    values = {}
    for _, value in fields(event.get(5, b"")):
        value = dict(fields(value))
        values[value[1].decode()] = struct.unpack("<f", value[2])[0]
    return event.get(2, 0), struct.unpack("<d", event[1])[0], event.get(3), values


def wanted(line):
    entry = json.loads(line)
    step = entry.pop("step")
    group = "validation" if "validation_loss" in entry else "train"
    return step, {f"{group}/{name.removeprefix(group + '_')}": value
                  for name, value in entry.items() if value is not None and abs(value) < 3e38}


def main():
    events = [scalars(event) for event in records(open(sys.argv[1], "rb").read())]
    assert events[0][2] == b"brain.Event:2" and not events[0][3], events[0]
    assert all(time > 1.7e9 for _, time, _, _ in events)
    lines = [wanted(line) for line in open(sys.argv[2])]
    assert len(events) - 1 == len(lines), (len(events), len(lines))
    for (step, _, _, values), (want_step, want) in zip(events[1:], lines):
        assert step == want_step and values.keys() == want.keys(), (step, want_step)
        for name, value in want.items():
            assert math.isclose(values[name], value, rel_tol=1e-6, abs_tol=1e-37), (step, name)
    print(len(lines))


main()
