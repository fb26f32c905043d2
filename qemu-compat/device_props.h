/* The properties that -device takes for a driver: for its help, and for programs that ask over QMP. */
#pragma once

/* "NAME:TYPE NAME:TYPE ...", types as QEMU names them; NULL: there is no such driver. */
const char *device_properties(const char *driver);
