/* Preloaded into linux.uml: registers are written as the host's kernel wants them, whole.
 *
 * User-Mode Linux 6.1 hands ptrace(PTRACE_SETREGSET, ..., NT_X86_XSTATE) an XSAVE area of the size that it was built with.
 * Where the processor has AMX the kernel's own is larger, it answers EFAULT, and the guest's first process dies (measured:
 * "ptrace set fp regs failed, errno = 14"). What the guest knows is laid over what is there; the rest stays.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* More than any area that processors have by now. */
static char whole[64 * 1024] __attribute__((aligned(64)));

long ptrace(enum __ptrace_request request, ...)
{
	static long (*next)(enum __ptrace_request, ...);
	va_list words;

	va_start(words, request);
	pid_t pid = va_arg(words, pid_t);
	void *address = va_arg(words, void *);
	void *data = va_arg(words, void *);
	va_end(words);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && (unsigned long)address == NT_X86_XSTATE) {
		const struct iovec *known = data;
		struct iovec all = { whole, sizeof whole };
		long result = next(PTRACE_GETREGSET, pid, address, &all);

		if (result != 0)
			return result;
		memcpy(whole, known->iov_base, known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
		return next(PTRACE_SETREGSET, pid, address, &all);
	}
	return next(request, pid, address, data);
}
