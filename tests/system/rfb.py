"""A VNC client of our own: what the tests need of RFB 3.8, raw pixels only."""
import socket
import struct

RAW, ZRLE, DESKTOP_SIZE, EXT_KEY = 0, 16, -223, -258


class Client:
    """pixels: bytes of 0x00RRGGBB, little-endian, width by height."""

    def __init__(self, sock, shared=True, encodings=(RAW, DESKTOP_SIZE), timeout=60):
        self.sock = sock
        sock.settimeout(timeout)
        if not self.read(12).startswith(b"RFB 003."):
            raise ValueError("not RFB")
        sock.sendall(b"RFB 003.008\n")
        kinds = self.read(self.read(1)[0])
        if 1 not in kinds:
            raise PermissionError(f"asks for a password: {list(kinds)}")
        sock.sendall(b"\x01")
        if self.read(4) != bytes(4):
            raise PermissionError("refused")
        sock.sendall(bytes([shared]))
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.read(*struct.unpack(">I", self.read(4))).decode()
        self.extended_keys = False
        sock.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        sock.sendall(struct.pack(">BxH", 2, len(encodings)) + struct.pack(f">{len(encodings)}i", *encodings))
        self.pixels = bytearray(self.width * self.height * 4)

    @classmethod
    def connect(cls, where, **args):
        if where.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(where[5:])
        else:
            host, port = where.rsplit(":", 1)
            sock = socket.create_connection((host, int(port)))
        return cls(sock, **args)

    def wait_for(self, reached):
        """Takes updates until reached(self)."""
        self.request(False)
        self.update()
        while not reached(self):
            self.request()
            self.update()

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(n - len(data))
            if not piece:
                raise EOFError("the server hung up")
            data += piece
        return data

    def request(self, incremental=True):
        self.sock.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def rectangle(self):
        x, y, w, h, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == DESKTOP_SIZE:
            self.width, self.height = w, h
            self.pixels = bytearray(w * h * 4)
        elif encoding == EXT_KEY:
            self.extended_keys = True
        elif encoding == RAW:
            data = self.read(w * h * 4)
            for row in range(h):
                at = ((y + row) * self.width + x) * 4
                self.pixels[at:at + w * 4] = data[row * w * 4:(row + 1) * w * 4]
        else:
            raise ValueError(f"encoding {encoding}")

    def update(self):
        """Waits for one update; what else the server says is skipped."""
        while True:
            kind = self.read(1)[0]
            if kind == 0:
                (n,) = struct.unpack(">xH", self.read(3))
                for _ in range(n):
                    self.rectangle()
                return
            if kind == 3:
                self.read(struct.unpack(">3xI", self.read(7))[0])
            elif kind != 2:
                raise ValueError(f"message {kind}")

    def key(self, keysym, down):
        self.sock.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def tap(self, keysym):
        self.key(keysym, True)
        self.key(keysym, False)

    def type(self, text):
        for c in text:
            shift = c.isupper() or c in '!@#$%^&*()_+{}|:"<>?~'
            if shift:
                self.key(0xFFE1, True)
            self.tap(0xFF0D if c == "\n" else ord(c))
            if shift:
                self.key(0xFFE1, False)

    def extended_key(self, keysym, number, down):
        self.sock.sendall(struct.pack(">BBHII", 255, 0, down, keysym, number))

    def pointer(self, x, y, buttons=0):
        self.sock.sendall(struct.pack(">BBHH", 5, buttons, x, y))
