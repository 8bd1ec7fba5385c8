/*
 * Device rules as a BPF program of a v2 cgroup: emitting, loading, attaching. Linux:
 * BPF_PROG_TYPE_CGROUP_DEVICE, include/uapi/linux/bpf.h (struct bpf_cgroup_dev_ctx).
 * Plain bpf(2): the program is a straight line of compares.
 *
 * A request may ask for several rights at once (open for reading and writing); each is
 * decided by the first rule that covers it, and all must be allowed. Registers: r2 =
 * type, r3 = rights not decided yet, r4 = major, r5 = minor.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "plan/devices.h"

/* Jump targets that are known only at the end. */
enum { TO_NEXT = 0x7ff0, TO_ALLOW, TO_DENY };

/* The kernel's own limit of programs for one cgroup. */
enum { PROGRAMS_MAX = 64 };

struct code {
	struct bpf_insn *v;
	size_t n;
};

static void emit(struct code *c, uint8_t op, uint8_t dst, int16_t off, int32_t imm)
{
	c->v[c->n++] = (struct bpf_insn){
		.code = op, .dst_reg = dst & 0xf, .off = off, .imm = imm
	};
}

static void emit_load(struct code *c, uint8_t dst, size_t offset)
{
	c->v[c->n++] = (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
					  .dst_reg = dst & 0xf,
					  .src_reg = BPF_REG_1,
					  .off = (int16_t)offset };
}

static int32_t kernel_access(uint8_t access)
{
	return (access & DEV_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0) |
	       (access & DEV_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & DEV_WRITE ? BPF_DEVCG_ACC_WRITE : 0);
}

static void emit_rule(struct code *c, const struct device_bpf *r)
{
	size_t start = c->n;

	if (r->type != 'a')
		emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, TO_NEXT,
		     r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, TO_NEXT, r->major);
	if (r->minor >= 0)
		emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, TO_NEXT, r->minor);
	if (!r->allow) {
		emit(c, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, TO_DENY,
		     kernel_access(r->access));
	} else if (r->access == DEV_ALL) {
		/* Always true; a plain jump would leave what follows unreachable,
		 * which the kernel refuses. */
		emit(c, BPF_JMP | BPF_JGE | BPF_K, BPF_REG_3, TO_ALLOW, 0);
	} else {
		emit(c, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0,
		     ~kernel_access(r->access));
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, TO_ALLOW, 0);
	}
	for (size_t i = start; i < c->n; i++)
		if (c->v[i].off == TO_NEXT)
			c->v[i].off = (int16_t)(c->n - i - 1);
}

size_t devices_bpf_emit(const struct device_bpf *rules, size_t n, struct bpf_insn *code)
{
	struct code c = { .v = code };

	emit_load(&c, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	c.v[c.n++] = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_X,
					.dst_reg = BPF_REG_3,
					.src_reg = BPF_REG_2 };
	emit(&c, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0xffff);
	emit(&c, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 16);
	emit_load(&c, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&c, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = 0; i < n; i++)
		emit_rule(&c, &rules[i]);
	size_t deny = c.n, allow = c.n + 2;

	/* A request for nothing does not occur; what is left here was decided by no
	 * rule. */
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0);
	emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0);
	/* The verifier refuses code that cannot be reached: no rule may allow
	 * anything. */
	for (size_t i = 0; i < deny; i++)
		if (c.v[i].off == TO_ALLOW && c.n == allow) {
			emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 1);
			emit(&c, BPF_JMP | BPF_EXIT, 0, 0, 0);
		}
	for (size_t i = 0; i < deny; i++)
		if (c.v[i].off == TO_ALLOW || c.v[i].off == TO_DENY)
			c.v[i].off = (int16_t)((c.v[i].off == TO_ALLOW ? allow : deny) -
					       i - 1);
	return c.n;
}

/* --- the kernel's side --- */

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static const char program_name[] = "skiff_devices";

/* Kernels before 5.11 charge programs to RLIMIT_MEMLOCK, and say EPERM when it is used
 * up. */
static int load_unlimited(union bpf_attr *attr)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit old;
	int r;

	if (getrlimit(RLIMIT_MEMLOCK, &old) < 0 || setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return -EPERM;
	r = bpf(BPF_PROG_LOAD, attr);
	setrlimit(RLIMIT_MEMLOCK, &old);
	return r;
}

static const char *why_forbidden(int errnum)
{
	return errnum == EPERM ? " (bpf(2) needs CAP_BPF and CAP_NET_ADMIN, or "
				 "CAP_SYS_ADMIN; a sandbox or kernel "
				 "lockdown may forbid it)"
	       : errnum == ENOSYS || errnum == EINVAL ? " (is CONFIG_CGROUP_BPF missing?)"
						      : "";
}

int devices_bpf_load(const struct device_bpf *rules, size_t n, struct arena *arena,
		     int *ret_fd, struct err *e)
{
	struct bpf_insn *code = arena_array(
		arena, n * DEVICES_BPF_RULE + DEVICES_BPF_FRAME, sizeof(*code));
	union bpf_attr attr = { 0 };
	int r;

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = (uint32_t)devices_bpf_emit(rules, n, code);
	/* No helper is called, so the kernel asks for no particular license. */
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, program_name, sizeof(program_name));
	r = bpf(BPF_PROG_LOAD, &attr);
	if (r == -EPERM)
		r = load_unlimited(&attr);
	if (r < 0)
		return err_sys(e, -r, "load the device rules as a BPF program%s",
			       why_forbidden(-r));
	*ret_fd = r;
	return 0;
}

int devices_bpf_attach(int prog_fd, int cgroup_fd, struct err *e)
{
	union bpf_attr attr = { 0 };
	int r;

	if (cgroup_fd < 0)
		return err_sys(e, ENOENT,
			       "attach the device rules: the container has no cgroup");
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	r = bpf(BPF_PROG_ATTACH, &attr);
	if (!r)
		return 0;
	return err_sys(e, -r, "attach the device rules to the cgroup%s",
		       r == -EPERM ? " (a program of a parent cgroup does not let others "
				     "beside it, or bpf(2) is forbidden)"
				   : why_forbidden(-r));
}

int devices_bpf_replace(int prog_fd, int old_fd, int cgroup_fd, struct err *e)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.replace_bpf_fd = (uint32_t)old_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;
	r = bpf(BPF_PROG_ATTACH, &attr);
	return r ? err_sys(e, -r, "replace the device rules of the cgroup%s",
			   why_forbidden(-r))
		 : 0;
}

int devices_bpf_detach(int prog_fd, int cgroup_fd, struct err *e)
{
	union bpf_attr attr = { 0 };
	int r;

	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	r = bpf(BPF_PROG_DETACH, &attr);
	return r ? err_sys(e, -r, "detach the device rules from the cgroup") : 0;
}

static int ask_info(int fd, struct bpf_prog_info *ret)
{
	union bpf_attr attr = { 0 };

	*ret = (struct bpf_prog_info){ 0 };
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(*ret);
	attr.info.info = (uintptr_t)ret;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int devices_bpf_number(int prog_fd, uint32_t *ret, struct err *e)
{
	struct bpf_prog_info info;
	int r = ask_info(prog_fd, &info);

	if (r < 0)
		return err_sys(e, -r, "ask for the number of the device rules' program");
	*ret = info.id;
	return 0;
}

/* *ret_fd is -1 when the program is another's, or gone. 0 or -errno. */
static int open_ours(uint32_t id, int *ret_fd)
{
	union bpf_attr attr = { .prog_id = id };
	struct bpf_prog_info info;
	auto_fd fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	int r;

	*ret_fd = -1;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = ask_info(fd, &info);
	if (!r && !strcmp(info.name, program_name))
		*ret_fd = fd_take(&fd);
	return r;
}

int devices_bpf_find(int cgroup_fd, int *ret_prog_fd, struct err *e)
{
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr attr = { 0 };
	int r;

	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = bpf(BPF_PROG_QUERY, &attr);
	*ret_prog_fd = -1;
	for (uint32_t i = 0; !r && *ret_prog_fd < 0 && i < attr.query.prog_cnt; i++)
		r = open_ours(ids[i], ret_prog_fd);
	return r ? err_sys(e, -r, "find the device rules of the cgroup%s",
			   why_forbidden(-r))
		 : 0;
}
