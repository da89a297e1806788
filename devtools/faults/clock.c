/* Move the wall clock of a program: preloaded, it adds the nanoseconds that the file CLOCK_OFFSET_FILE holds now.
 *
 * libfaketime does not serve: with the monotonic clock left alone it makes absolute clock_nanosleep, and with it
 * Python's time.sleep, fail.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL

static volatile int64_t *offset_ns;

__attribute__((constructor)) static void open_offset(void) {
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset_ns = page;
    if (file >= 0) close(file);
}

int clock_gettime(clockid_t clock, struct timespec *answer) {
    int status = (int)syscall(SYS_clock_gettime, clock, answer);
    if (status == 0 && offset_ns && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t moved = answer->tv_sec * BILLION + answer->tv_nsec + *offset_ns;
        answer->tv_sec = moved / BILLION;
        answer->tv_nsec = moved % BILLION;
    }
    return status;
}

int gettimeofday(struct timeval *restrict answer, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    answer->tv_sec = now.tv_sec;
    answer->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *answer) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (answer) *answer = now.tv_sec;
    return now.tv_sec;
}
