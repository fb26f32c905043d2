/* The handlers, by file. Each is a row of qmp_commands.c. */
#pragma once

#include "qemu-compat/qmp_server.h"

typedef JsonNode *qmp_handler(struct qmp_call *call, JsonObject *args, GError **error);

/* qmp_vm.c: the guest's life */
qmp_handler qmp_status, qmp_cont, qmp_stop, qmp_system_reset, qmp_system_powerdown, qmp_quit,
    qmp_name, qmp_uuid, qmp_balloon, qmp_query_balloon, qmp_memory_size, qmp_human_monitor,
    qmp_inject_nmi;
/* qmp_char.c: the session itself, chardevs, descriptors */
qmp_handler qmp_capabilities, qmp_query_chardev, qmp_getfd, qmp_closefd, qmp_add_fd, qmp_remove_fd,
    qmp_query_fdsets;
/* qmp_display.c: the screen, keys, the pointer */
qmp_handler qmp_screendump, qmp_send_key, qmp_input_send_event, qmp_query_mice;
/* qmp_vnc.c: VNC's servers and clients */
qmp_handler qmp_query_vnc, qmp_query_vnc_servers, qmp_set_password, qmp_expire_password,
    qmp_change_vnc_password, qmp_add_client, qmp_display_reload;
/* What an event says of a client that comes or goes, and the event's name. */
JsonObject *qmp_vnc_event(struct vm *vm, const struct vm_event *event, const char **name);
/* qmp_machine.c: what there is to choose from */
qmp_handler qmp_query_version, qmp_target, qmp_schema, qmp_query_commands, qmp_kvm, qmp_machines,
    qmp_cpu_definitions, qmp_cpu_model_expansion, qmp_cpus_fast, qmp_hotpluggable_cpus,
    qmp_command_line_options, qmp_no_sev, qmp_no_sgx;
/* qmp_qom.c: types, their properties, and the few objects that are asked for */
qmp_handler qmp_qom_list_types, qmp_qom_list_properties, qmp_device_list_properties, qmp_qom_list,
    qmp_qom_get, qmp_qom_set;
/* qmp_none.c: what is empty, harmless, or not supported yet */
qmp_handler qmp_empty_list, qmp_accept, qmp_query_dirty_rate, qmp_migration_capabilities,
    qmp_no_migration, qmp_current_machine, qmp_no_wakeup;
/* qmp_jobs.c: jobs */
qmp_handler qmp_blockdev_create, qmp_query_jobs, qmp_job_dismiss;
/* opaque is the server. */
void qmp_job_event(void *opaque, const char *id, const char *status);
/* qmp_object.c: objects */
qmp_handler qmp_object_add, qmp_object_del, qmp_query_iothreads;
/* For qom-list, qom-get and qom-set: objects by id (NULL: there is none), and the limits of a throttle-group. */
const char *qmp_object_type(struct qmp_call *call, const char *id);
void qmp_object_list(struct qmp_call *call, void (*fn)(JsonArray *list, const char *id, const char *type),
                     JsonArray *list);
JsonNode *qmp_group_limits(struct qmp_call *call, const char *id);
JsonNode *qmp_group_set_limits(struct qmp_call *call, const char *id, JsonNode *value, GError **error);
/* qmp_block_info.c: which disks there are */
qmp_handler qmp_query_block, qmp_query_blockstats, qmp_query_named_block_nodes;
/* qmp_block.c: what is done to disks */
qmp_handler qmp_blockdev_add, qmp_blockdev_del, qmp_block_resize, qmp_block_set_io_throttle,
    qmp_open_tray, qmp_close_tray, qmp_remove_medium, qmp_insert_medium, qmp_eject, qmp_change_medium;
/* qmp_snapshot.c: overlays for disks in use */
qmp_handler qmp_blockdev_snapshot, qmp_blockdev_snapshot_sync, qmp_transaction;
/* qmp_hotplug.c: devices and networks that come and go */
qmp_handler qmp_device_add, qmp_device_del, qmp_netdev_add, qmp_netdev_del, qmp_set_link,
    qmp_query_rx_filter;
