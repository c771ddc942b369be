/* Runs a program and prints what the whole process cost, its own children included:
 *
 *     spawn FILE PROGRAM [ARGUMENT]...   →   exit code, CPU time in µs, peak memory in KiB
 *
 * Standard output and standard error of the program go to FILE. A child's peak memory starts with what its parent holds:
 * measured from Python every program would have the 10 MiB of an interpreter, so the parent is this small program. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	pid_t child;
	int status, error;

	if (argc < 3) {
		fputs("usage: spawn FILE PROGRAM [ARGUMENT]...\n", stderr);
		return 2;
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	error = posix_spawn(&child, argv[2], &files, NULL, argv + 2, environ);
	if (error) {
		fprintf(stderr, "spawn: %s: %s\n", argv[2], strerror(error));
		return 2;
	}
	while (wait4(child, &status, 0, &used) < 0)
		if (errno != EINTR) {
			perror("spawn: wait4");
			return 2;
		}
	printf("%d %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	       (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec,
	       used.ru_maxrss);
	return 0;
}
