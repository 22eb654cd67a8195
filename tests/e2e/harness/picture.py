# SPDX-License-Identifier: MIT
"""Pictures of 24-bit pixels: reading PPM, comparing, writing PNG for people."""
import hashlib
import struct
import zlib


class Picture:
    """width, height and the rows of RGB bytes, top first, without padding."""

    def __init__(self, width, height, rgb):
        if len(rgb) != width * height * 3:
            raise ValueError(f"{len(rgb)} bytes are no picture of {width}x{height}")
        self.width, self.height, self.rgb = width, height, rgb

    @classmethod
    def from_ppm(cls, path):
        """Reads binary PPM (P6, 8 bits a sample)."""
        with open(path, "rb") as file:
            data = file.read()
        fields, at = [], 0
        while len(fields) < 4:
            end = at
            while data[end:end + 1] not in (b" ", b"\n", b"\t", b"\r"):
                end += 1
            if end > at:
                fields.append(data[at:end])
            at = end + 1
        if fields[0] != b"P6" or fields[3] != b"255":
            raise ValueError(f"{path} is not a PPM of 8 bits a sample")
        return cls(int(fields[1]), int(fields[2]), data[at:])

    @property
    def sha256(self):
        """As the client's `hash` command gives it."""
        return hashlib.sha256(self.rgb).hexdigest()

    def colours(self):
        """How many different colours there are: a blank picture has one."""
        return len({self.rgb[at:at + 3] for at in range(0, len(self.rgb), 3)})

    def difference(self, other):
        """A sentence on how other differs, None if it is the same."""
        if (self.width, self.height) != (other.width, other.height):
            return f"{self.width}x{self.height} against {other.width}x{other.height}"
        if self.rgb == other.rgb:
            return None
        left, right, top, bottom, count = self.width, -1, -1, -1, 0
        for y in range(self.height):
            at = y * self.width * 3
            mine, its = self.rgb[at:at + self.width * 3], other.rgb[at:at + self.width * 3]
            if mine == its:
                continue
            wrong = [x for x in range(self.width) if mine[3 * x:3 * x + 3] != its[3 * x:3 * x + 3]]
            count += len(wrong)
            left, right = min(left, wrong[0]), max(right, wrong[-1])
            top, bottom = (y if top < 0 else top), y
        return f"{count} pixels differ, x {left}..{right}, y {top}..{bottom}"

    def write_png(self, path):
        stride = self.width * 3
        rows = b"".join(b"\0" + self.rgb[y * stride:(y + 1) * stride] for y in range(self.height))

        def chunk(kind, data):
            return (struct.pack(">I", len(data)) + kind + data
                    + struct.pack(">I", zlib.crc32(kind + data)))

        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                       + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
