/*
 * Where the kernel enters init: argv[1] is the descriptor of the plan, argv[2] the plan's
 * size. Hosted, the libc has started already.
 */
#include "init/init.h"

#ifdef INIT_HOSTED

int main(int argc, char **argv)
{
	return init_main(argc, argv);
}

#else

_Noreturn void init_start(long *stack);

_Noreturn __attribute__((used)) void init_start(long *stack)
{
	sys_exit_group(init_main((int)stack[0], (char **)(stack + 1)));
	__builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n\t"
	"xor %ebp, %ebp\n\t"
	"mov %rsp, %rdi\n\t"
	"and $-16, %rsp\n\t"
	"call init_start\n\t"
	"hlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n\t"
	"mov x29, #0\n\t"
	"mov x30, #0\n\t"
	"mov x0, sp\n\t"
	"bl init_start\n\t"
	"brk #1\n");
#endif

#endif
