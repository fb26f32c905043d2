/*
 * What each fuzz target (fuzz-X.c) provides. Built with clang and -Dfuzz=true it is a libFuzzer
 * binary; else driver.c runs it on its seeds and on mutations of them, the same ones each time.
 *
 *     fuzz-X -make_corpus=DIR      writes the seeds: the corpus is made, not stored
 *     fuzz-X FILE...               runs these inputs
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*fuzz_seed_fn)(void *opaque, const char *name, const void *data, size_t len);

/* Calls add for each input that is worth to start from. */
void fuzz_seeds(fuzz_seed_fn add, void *opaque);
/* Always 0; what is wrong with the program under test ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
