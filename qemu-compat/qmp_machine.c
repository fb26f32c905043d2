/* What there is to choose from: versions, machines, CPUs, options. */
#include "qemu-compat/qmp_handlers.h"

#include <cpuid.h>
#include <string.h>
#include <unistd.h>

JsonNode *qmp_query_version(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_version();
}

JsonNode *qmp_target(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_literal("{\"arch\":\"x86_64\"}");
}

JsonNode *qmp_schema(struct qmp_call *call, JsonObject *args, GError **error)
{
    return qmp_literal(qmp_introspection);
}

JsonNode *qmp_query_commands(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonArray *list = json_array_new();

    for (size_t i = 0; i < qmp_n_commands; i++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", qmp_commands[i].name);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

JsonNode *qmp_kvm(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "enabled", strcmp(vm_accel(call->vm), "kvm") == 0);
    json_object_set_boolean_member(o, "present", strcmp(vm_accel(call->vm), "xen") != 0 &&
                                                 access("/dev/kvm", F_OK) == 0);
    return qmp_object(o);
}

/* A PC's name first: libvirt makes a PCI bus only for names that it knows. */
JsonNode *qmp_machines(struct qmp_call *call, JsonObject *args, GError **error)
{
#define COMMON "\"hotpluggable-cpus\":false,\"numa-mem-supported\":false,\"deprecated\":false"
    return qmp_literal(
        "[{\"name\":\"pc-i440fx-7.2\",\"alias\":\"pc\",\"is-default\":true,\"cpu-max\":32,"
        "\"default-cpu-type\":\"qemu64-x86_64-cpu\",\"default-ram-id\":\"pc.ram\"," COMMON "},"
        "{\"name\":\"xenpv\",\"cpu-max\":32,\"default-cpu-type\":\"qemu64-x86_64-cpu\"," COMMON "},"
        "{\"name\":\"xenpvh\",\"cpu-max\":32,\"default-cpu-type\":\"qemu64-x86_64-cpu\"," COMMON "},"
        "{\"name\":\"xenfv\",\"cpu-max\":32,\"default-cpu-type\":\"qemu64-x86_64-cpu\"," COMMON "},"
        "{\"name\":\"none\",\"cpu-max\":1," COMMON "}]");
#undef COMMON
}

/* Whatever the name, a PV guest sees the accelerator's CPU. */
JsonNode *qmp_cpu_definitions(struct qmp_call *call, JsonObject *args, GError **error)
{
#define CPU(name, safe) "{\"name\":\"" name "\",\"typename\":\"" name "-x86_64-cpu\"," \
    "\"unavailable-features\":[],\"static\":false,\"migration-safe\":" safe ",\"deprecated\":false}"
    return qmp_literal("[" CPU("host", "false") "," CPU("max", "false") "," CPU("qemu64", "true") "]");
#undef CPU
}

static const struct {
    unsigned leaf, reg; /* 0: EAX ... 3: EDX */
    const char *names;  /* QEMU's, bit 0 first; "-" where the bit has none */
} cpu_words[] = {
    {1, 3, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - ds "
           "acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {1, 2, "pni pclmulqdq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cid - fma cx16 xtpr pdcm - pcid "
           "dca sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave - avx f16c rdrand hypervisor"},
    {7, 1, "fsgsbase tsc-adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm - - mpx - avx512f "
           "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel-pt avx512pf avx512er avx512cd "
           "sha-ni avx512bw avx512vl"},
    {0x80000001, 3, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr-opt pdpe1gb "
                    "rdtscp - lm 3dnowext 3dnow"},
    {0x80000001, 2, "lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw "
                    "ibs xop skinit wdt - lwp fma4 tce - nodeid-msr - tbm topoext perfctr-core"},
};

static void add_cpu_word(JsonObject *props, const char *names, unsigned value)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);

    for (unsigned i = 0; list[i]; i++) {
        if (strcmp(list[i], "-") != 0)
            json_object_set_boolean_member(props, list[i], value >> i & 1);
    }
}

static void add_cpu_identity(JsonObject *props)
{
    unsigned eax = 0, r[4] = {0};
    char vendor[13] = "";

    __get_cpuid(0, &eax, &r[0], &r[2], &r[1]);
    memcpy(vendor, r, 12);
    __get_cpuid(1, &eax, &r[1], &r[2], &r[3]);
    unsigned family = eax >> 8 & 15, model = eax >> 4 & 15;
    if (family == 6 || family == 15)
        model |= eax >> 12 & 0xf0;
    if (family == 15)
        family += eax >> 20 & 0xff;
    json_object_set_string_member(props, "vendor", vendor);
    json_object_set_int_member(props, "family", family);
    json_object_set_int_member(props, "model", model);
    json_object_set_int_member(props, "stepping", eax & 15);
}

JsonNode *qmp_cpu_model_expansion(struct qmp_call *call, JsonObject *args, GError **error)
{
    JsonObject *asked = json_object_get_object_member(args, "model");
    JsonObject *o = json_object_new(), *model = json_object_new(), *props = json_object_new();

    for (size_t i = 0; i < G_N_ELEMENTS(cpu_words); i++) {
        unsigned r[4] = {0};
        __get_cpuid_count(cpu_words[i].leaf, 0, &r[0], &r[1], &r[2], &r[3]);
        add_cpu_word(props, cpu_words[i].names, r[cpu_words[i].reg]);
    }
    add_cpu_identity(props);
    json_object_set_string_member(model, "name", json_object_get_string_member(asked, "name"));
    json_object_set_object_member(model, "props", props);
    json_object_set_object_member(o, "model", model);
    return qmp_object(o);
}

static JsonObject *cpu_place(unsigned i)
{
    JsonObject *props = json_object_new();

    json_object_set_int_member(props, "socket-id", i);
    json_object_set_int_member(props, "core-id", 0);
    json_object_set_int_member(props, "thread-id", 0);
    return props;
}

static void set_cpu_path(JsonObject *o, unsigned i)
{
    g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", i);

    json_object_set_string_member(o, "qom-path", path);
}

JsonNode *qmp_cpus_fast(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);
    JsonArray *list = json_array_new();

    for (unsigned i = 0; !cfg->none && i < cfg->vcpus.count; i++) {
        JsonObject *o = json_object_new();
        int tid = vm_vcpu_tid(call->vm, i);
        json_object_set_int_member(o, "cpu-index", i);
        set_cpu_path(o, i);
        /* our own id: programs know it for "no thread that could be pinned" */
        json_object_set_int_member(o, "thread-id", tid ? tid : getpid());
        json_object_set_object_member(o, "props", cpu_place(i));
        json_object_set_string_member(o, "target", "x86_64");
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

JsonNode *qmp_hotpluggable_cpus(struct qmp_call *call, JsonObject *args, GError **error)
{
    const struct vm_config *cfg = vm_configuration(call->vm);

    if (cfg->none) {
        g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR,
                    "The feature 'query-hotpluggable-cpus' is not enabled");
        return NULL;
    }
    JsonArray *list = json_array_new();
    for (unsigned i = cfg->vcpus.max; i > 0; i--) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "type", "qemu64-x86_64-cpu");
        json_object_set_int_member(o, "vcpus-count", 1);
        json_object_set_object_member(o, "props", cpu_place(i - 1));
        if (i <= cfg->vcpus.count)
            set_cpu_path(o, i - 1);
        json_array_add_object_element(list, o);
    }
    return qmp_array(list);
}

/* QEMU tells only of options that are lists; these are the ones that programs look for. */
static const struct {
    const char *option, *parameters; /* NAME:TYPE ... */
} option_lists[] = {
    {"boot-opts", "order:string once:string menu:boolean strict:boolean reboot-timeout:number"},
    {"chardev", "backend:string path:string server:boolean wait:boolean fd:string logfile:string "
                "logappend:boolean mux:boolean reconnect:number"},
    {"machine", "type:string accel:string usb:boolean dump-guest-core:boolean"},
    {"memory", "size:size slots:number maxmem:size"},
    {"mon", "mode:string chardev:string pretty:boolean"},
    {"msg", "timestamp:boolean guest-name:boolean"},
    {"name", "guest:string process:string debug-threads:boolean"},
    {"overcommit", "mem-lock:boolean cpu-pm:boolean"},
    {"smp-opts", "cpus:number sockets:number dies:number cores:number threads:number maxcpus:number"},
};

static JsonObject *describe_option(const char *option, const char *parameters)
{
    g_auto(GStrv) list = g_strsplit(parameters, " ", -1);
    JsonObject *o = json_object_new();
    JsonArray *all = json_array_new();

    for (unsigned i = 0; list[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(list[i], ":", 2);
        JsonObject *p = json_object_new();
        json_object_set_string_member(p, "name", pair[0]);
        json_object_set_string_member(p, "type", pair[1]);
        json_array_add_object_element(all, p);
    }
    json_object_set_string_member(o, "option", option);
    json_object_set_array_member(o, "parameters", all);
    return o;
}

JsonNode *qmp_command_line_options(struct qmp_call *call, JsonObject *args, GError **error)
{
    const char *only = json_object_get_string_member_with_default(args, "option", NULL);
    JsonArray *list = json_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(option_lists); i++) {
        if (!only || strcmp(only, option_lists[i].option) == 0)
            json_array_add_object_element(list, describe_option(option_lists[i].option,
                                                                option_lists[i].parameters));
    }
    if (!only || json_array_get_length(list))
        return qmp_array(list);
    json_array_unref(list);
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "There is no option list '%.100s'", only);
    return NULL;
}

JsonNode *qmp_no_sev(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "A PV guest has no SEV");
    return NULL;
}

JsonNode *qmp_no_sgx(struct qmp_call *call, JsonObject *args, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_GENERIC_ERROR, "A PV guest has no SGX");
    return NULL;
}
