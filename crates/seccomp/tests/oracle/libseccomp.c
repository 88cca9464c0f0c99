/*
 * Answers with what libseccomp makes of profiles; the tests compare.
 *
 * Reads one request per line:
 *   new ACTION                        a filter without architectures
 *   arch NUMBER                       add one (AUDIT_ARCH_*, or x32's token)
 *   rule ACTION NAME [ARG OP A B]...  add a rule, as runc does; remembers a failure
 *   optimize                          use the binary tree
 *   resolve ARCH NAME                 prints "number N"
 *   export                            prints "program N T" and N lines of four numbers,
 *                                     T the microseconds since "new"; or "error E"
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct instruction {
	unsigned short code;
	unsigned char jt, jf;
	unsigned int k;
};

static scmp_filter_ctx filter;
static int failed;

static void note(int rc)
{
	if (rc < 0 && failed == 0)
		failed = rc;
}

static struct timespec start;

static long microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000;
}

static unsigned long long next_number(void)
{
	char *word = strtok(NULL, " \n");

	return word == NULL ? 0 : strtoull(word, NULL, 0);
}

static void add_rule(void)
{
	unsigned int action = next_number();
	char *name = strtok(NULL, " \n");
	struct scmp_arg_cmp conditions[6];
	unsigned int count = 0;
	char *word;
	int number;

	if (name == NULL)
		exit(2);
	while ((word = strtok(NULL, " \n")) != NULL && count < 6) {
		conditions[count].arg = strtoul(word, NULL, 0);
		conditions[count].op = next_number();
		conditions[count].datum_a = next_number();
		conditions[count].datum_b = next_number();
		count++;
	}
	number = seccomp_syscall_resolve_name(name);
	if (number != __NR_SCMP_ERROR)
		note(seccomp_rule_add_array(filter, action, number, count, conditions));
}

static void export_program(void)
{
	struct instruction instruction;
	FILE *file = tmpfile();
	long size, took;

	if (file == NULL)
		exit(2);
	note(seccomp_export_bpf(filter, fileno(file)));
	took = microseconds();
	if (failed < 0) {
		printf("error %d\n", failed);
	} else {
		size = lseek(fileno(file), 0, SEEK_END);
		lseek(fileno(file), 0, SEEK_SET);
		printf("program %ld %ld\n", size / (long)sizeof(instruction), took);
		while (read(fileno(file), &instruction, sizeof(instruction)) == sizeof(instruction))
			printf("%u %u %u %u\n", instruction.code, instruction.jt, instruction.jf,
			       instruction.k);
	}
	fflush(stdout);
	fclose(file);
}

int main(void)
{
	static char line[4096];
	char *word;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		word = strtok(line, " \n");
		if (word == NULL)
			continue;
		if (strcmp(word, "new") == 0) {
			if (filter != NULL)
				seccomp_release(filter);
			failed = 0;
			clock_gettime(CLOCK_MONOTONIC, &start);
			filter = seccomp_init(next_number());
			if (filter == NULL)
				exit(2);
			note(seccomp_arch_remove(filter, SCMP_ARCH_NATIVE));
		} else if (strcmp(word, "arch") == 0) {
			note(seccomp_arch_add(filter, next_number()));
		} else if (strcmp(word, "rule") == 0) {
			add_rule();
		} else if (strcmp(word, "optimize") == 0) {
			note(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2));
		} else if (strcmp(word, "resolve") == 0) {
			unsigned int arch = next_number();
			char *name = strtok(NULL, " \n");

			printf("number %d\n", seccomp_syscall_resolve_name_arch(arch, name));
			fflush(stdout);
		} else if (strcmp(word, "export") == 0) {
			export_program();
		} else {
			exit(2);
		}
	}
	return 0;
}
