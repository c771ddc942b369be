#!/usr/bin/env python3
"""Runs a command whose ptrace(PTRACE_GETREGSET, ..., NT_X86_XSTATE) is refused.

User-Mode Linux 6.1 hands the kernel an XSAVE area of the size that it was built with. Where the processor has AMX the
kernel's is larger, it answers EFAULT (measured), and the guest's first process dies. Refused, it takes the older
PTRACE_GETFPREGS instead. Registers beyond SSE are not switched between the threads of a program then, so those of the
guest are told to leave AVX alone (GLIBC_TUNABLES, OPENSSL_ia32cap in uml.sh).
"""

import ctypes
import errno
import os
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
PTRACE, PTRACE_GETREGSET, NT_X86_XSTATE = 101, 0x4204, 0x202

# (operation, if equal, if not, operand); offsets are those of struct seccomp_data: number, then arguments from 16 on.
PROGRAM = [
    (LOAD, 0, 0, 0),
    (JUMP_IF_EQUAL, 0, 5, PTRACE),
    (LOAD, 0, 0, 16),
    (JUMP_IF_EQUAL, 0, 3, PTRACE_GETREGSET),
    (LOAD, 0, 0, 32),
    (JUMP_IF_EQUAL, 0, 1, NT_X86_XSTATE),
    (RETURN, 0, 0, ERRNO | errno.EINVAL),
    (RETURN, 0, 0, ALLOW),
]

code = b"".join(struct.pack("=HBBI", *step) for step in PROGRAM)
area = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxP", len(PROGRAM), ctypes.addressof(area))
libc = ctypes.CDLL(None, use_errno=True)
for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
    if libc.prctl(*words) != 0:
        sys.exit(f"no_xstate.py: prctl: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
