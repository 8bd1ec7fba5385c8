/*
 * What a seccomp filter answers: the classic BPF that the kernel accepts for seccomp,
 * interpreted. Init asks before it loads a filter early whether that filter leaves it the
 * few calls it still needs. Pure.
 */
#include "init/init.h"

#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define OWN_ARCH AUDIT_ARCH_RISCV64
#else
#define OWN_ARCH 0 /* unknown: no filter is loaded early */
#endif

static uint32_t alu(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	case BPF_NEG:
		return -a;
	case BPF_XOR:
		return a ^ b;
	}
	return 0;
}

static bool jumps(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JSET:
		return a & b;
	}
	return false;
}

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	const uint32_t *data; /* struct seccomp_data in words */
};

static uint32_t load(const struct machine *m, const struct sock_filter *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		return i->k;
	case BPF_ABS:
		return i->k / 4 < sizeof(struct seccomp_data) / 4 ? m->data[i->k / 4] : 0;
	case BPF_MEM:
		return i->k < BPF_MEMWORDS ? m->memory[i->k] : 0;
	case BPF_LEN:
		return sizeof(struct seccomp_data);
	}
	return 0;
}

static void step(struct machine *m, const struct sock_filter *i)
{
	uint32_t operand = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		m->a = load(m, i);
		break;
	case BPF_LDX:
		m->x = load(m, i);
		break;
	case BPF_ST:
		m->memory[i->k % BPF_MEMWORDS] = m->a;
		break;
	case BPF_STX:
		m->memory[i->k % BPF_MEMWORDS] = m->x;
		break;
	case BPF_ALU:
		m->a = alu(i->code, m->a, operand);
		break;
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		break;
	}
}

uint32_t bpf_answer(const void *filter, uint32_t n, uint32_t nr, const uint64_t args[6])
{
	const struct sock_filter *prog = filter;
	struct seccomp_data data = { .nr = (int)nr, .arch = OWN_ARCH };
	struct machine m = { .data = (const uint32_t *)&data };
	uint32_t end = OWN_ARCH ? n : 0;

	for (int i = 0; i < 6; i++)
		data.args[i] = args[i];
	for (uint32_t at = 0; at < end; at++) {
		const struct sock_filter *i = &prog[at];

		if (BPF_CLASS(i->code) == BPF_RET)
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		if (BPF_CLASS(i->code) != BPF_JMP)
			step(&m, i);
		else if (BPF_OP(i->code) == BPF_JA)
			at += i->k;
		else if (jumps(i->code, m.a, BPF_SRC(i->code) == BPF_X ? m.x : i->k))
			at += i->jt;
		else
			at += i->jf;
	}
	return SECCOMP_RET_KILL_PROCESS;
}
