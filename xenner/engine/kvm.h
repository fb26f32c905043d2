/* What the kvm engine and its probe share. Only engine/kvm*.c include linux/kvm.h. */
#pragma once

#include "xenner/engine/engine.h"

#include <linux/kvm.h>

/* What KVM offers, less what a PV kernel in ring 1 can't live with. errno is set on failure. */
bool kvm_set_cpuid(int kvm, int vcpu, unsigned apic_id);
/* The state that engine.h promises to the first instruction. RDI = number. */
bool kvm_set_long_mode(int vcpu, uint64_t rip, uint64_t rsp, uint64_t cr3, uint64_t number);
/* The registers of a vCPU that does not run, as text. */
void kvm_print_registers(int vcpu, GString *out);
/* A throw-away VM runs some dozen instructions in rings 0, 1 and 3. */
bool kvm_probe(GString *why_not);
