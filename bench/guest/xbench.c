/*
 * The guest's side of the benchmarks; static, runs in the initramfs. Each of
 *
 *   xbench time NAME COMMAND...   the command, its output thrown away
 *   xbench compute                integers and doubles, no system call in the loops
 *   xbench pipe                   a byte to and fro between two processes
 *   xbench faults                 first writes to the pages of a file in /tmp
 *   xbench idle SECONDS           sleeps
 *   xbench scroll RATE SECONDS    RATE lines a second on /dev/tty1, each as wide as the screen
 *
 * prints "bench: NAME SECONDS", by CLOCK_MONOTONIC. "xbench mark NAME" prints that clock itself.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMPUTE_ROUNDS 200
#define SIEVE_SIZE     400000
#define MATRIX         48
#define PIPE_ROUNDS    20000
#define FAULT_BYTES    (64u << 20)
#define FAULT_ROUNDS   3
#define PAGE           4096

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_command(char **argv)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            err(1, "/dev/null");
        execv(argv[0], argv);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) < 0)
        err(1, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static unsigned sieve(void)
{
    static uint8_t composite[SIEVE_SIZE];
    unsigned primes = 0;

    memset(composite, 0, sizeof(composite));
    for (unsigned i = 2; i < SIEVE_SIZE; i++) {
        if (composite[i])
            continue;
        primes++;
        for (uint64_t j = (uint64_t)i * i; j < SIEVE_SIZE; j += i)
            composite[j] = 1;
    }
    return primes;
}

static double multiply(unsigned seed)
{
    static double a[MATRIX][MATRIX], b[MATRIX][MATRIX];
    double sum = 0;

    for (unsigned i = 0; i < MATRIX * MATRIX; i++) {
        a[i / MATRIX][i % MATRIX] = seed + i;
        b[i % MATRIX][i / MATRIX] = 1.0 / (seed + i + 1);
    }
    for (unsigned i = 0; i < MATRIX; i++) {
        for (unsigned j = 0; j < MATRIX; j++) {
            for (unsigned k = 0; k < MATRIX; k++)
                sum += a[i][k] * b[k][j];
        }
    }
    return sum;
}

static uint64_t mix(uint64_t x)
{
    for (unsigned i = 0; i < 300000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x *= 0x9e3779b97f4a7c15u;
    }
    return x;
}

static void compute(void)
{
    volatile uint64_t keep = 1;

    for (unsigned i = 0; i < COMPUTE_ROUNDS; i++)
        keep = mix(keep + sieve()) + (uint64_t)multiply(i);
}

static void pipe_rounds(void)
{
    int to[2], from[2];
    char c = 'x';

    if (pipe(to) < 0 || pipe(from) < 0)
        err(1, "pipe");
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        close(to[1]);
        while (read(to[0], &c, 1) == 1 && write(from[1], &c, 1) == 1)
            ;
        _exit(0);
    }
    for (unsigned i = 0; i < PIPE_ROUNDS; i++) {
        if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
            errx(1, "the other process is gone");
    }
    close(to[1]);
    waitpid(pid, NULL, 0);
}

static void faults(void)
{
    int fd = open("/tmp/faults", O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0)
        err(1, "/tmp/faults");
    for (unsigned i = 0; i < FAULT_ROUNDS; i++) {
        if (ftruncate(fd, FAULT_BYTES) < 0)
            err(1, "ftruncate");
        uint8_t *p = mmap(NULL, FAULT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            err(1, "mmap");
        for (size_t at = 0; at < FAULT_BYTES; at += PAGE)
            p[at] = 1;
        if (munmap(p, FAULT_BYTES) < 0 || ftruncate(fd, 0) < 0)
            err(1, "munmap");
    }
    close(fd);
    unlink("/tmp/faults");
}

/* One line a period, full of text that is another in each; the screen is full before the clock starts. */
static void scroll(unsigned rate, unsigned seconds)
{
    struct winsize size;
    char line[1024];
    int fd = open("/dev/tty1", O_WRONLY);

    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) < 0 || !rate || size.ws_col >= sizeof(line))
        err(1, "/dev/tty1");
    double start = now();
    unsigned late = 0;
    for (unsigned n = 0; n < size.ws_row + rate * seconds; n++) {
        if (n == size.ws_row) {
            printf("bench: scroll-begin %.3f\n", now());
            start = now();
        }
        for (unsigned i = 0; i < size.ws_col; i++)
            line[i] = (char)('!' + (n * 7 + i * (n % 5 + 1)) % 94);
        line[size.ws_col - 1] = '\n';
        if (write(fd, line, size.ws_col) != size.ws_col)
            err(1, "/dev/tty1");
        double wait = start + (double)(n < size.ws_row ? 0 : n - size.ws_row + 1) / rate - now();
        late += n >= size.ws_row && wait < 0;
        if (wait > 0)
            usleep((useconds_t)(wait * 1e6));
    }
    printf("bench: scroll-late %u\n", late);
    close(fd);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    double start = now();

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(name, "mark") == 0 && argc == 3) {
        printf("bench: %s %.3f\n", argv[2], start);
        return 0;
    }
    if (strcmp(name, "time") == 0 && argc > 3) {
        name = argv[2];
        int status = run_command(argv + 3);
        if (status)
            errx(1, "%s: status %d", name, status);
    } else if (strcmp(name, "compute") == 0) {
        compute();
    } else if (strcmp(name, "pipe") == 0) {
        pipe_rounds();
    } else if (strcmp(name, "faults") == 0) {
        faults();
    } else if (strcmp(name, "idle") == 0 && argc == 3) {
        sleep((unsigned)atoi(argv[2]));
    } else if (strcmp(name, "scroll") == 0 && argc == 4) {
        scroll((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
    } else {
        errx(1, "see the first lines of xbench.c");
    }
    printf("bench: %s %.3f\n", name, now() - start);
    return 0;
}
