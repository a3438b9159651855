/* hold PID SECONDS: stops every thread of a process as a debugger does, and lets them go on. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_THREADS = 256 };

int main(int argc, char **argv)
{
    pid_t threads[MAX_THREADS];
    char path[64];
    int n = 0, failures = 0;
    if (argc != 3) return 2;
    snprintf(path, sizeof path, "/proc/%ld/task", strtol(argv[1], NULL, 10));
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && n < MAX_THREADS && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') threads[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
    if (dir) closedir(dir);
    for (int i = 0; i < n; i++)
        failures += ptrace(PTRACE_ATTACH, threads[i], NULL, NULL) != 0 ||
                    waitpid(threads[i], NULL, __WALL) != threads[i];
    if (failures == 0) sleep((unsigned)strtol(argv[2], NULL, 10));
    for (int i = 0; i < n; i++) failures += ptrace(PTRACE_DETACH, threads[i], NULL, NULL) != 0;
    if (failures || n == 0) fprintf(stderr, "hold: %d of %d threads not held\n", failures, n);
    return failures != 0 || n == 0;
}
