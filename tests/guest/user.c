#include "user.h"
#include "mem.h"

uint64_t *user_data;

/* entry.S */
void enter_user(const struct user_entry *e);

void user_init(void)
{
    const uint64_t flags = PTE_P | PTE_US | PTE_A;

    if (user_data)
        return;
    uint8_t *code = page_alloc();
    memcpy(code, user_code, (size_t)(user_code_end - user_code));
    user_data = page_alloc();
    map_user(USER_CODE, code, flags);
    map_user(USER_DATA, user_data, flags | PTE_RW | PTE_D | PTE_NX);
    map_user(USER_STACK - PAGE_SIZE, page_alloc(), flags | PTE_RW | PTE_D | PTE_NX);
}

void user_enter(const struct user_entry *e)
{
    seen[0].count = 0;
    enter_user(e);
    READ_ONCE(vcpu_info()->evtchn_upcall_mask) = 1;
}

void user_run(const uint8_t *snippet, uint64_t rdi)
{
    struct user_entry e = {.rip = USER_AT(snippet),
                           .rsp = USER_STACK,
                           .rflags = RFLAGS_IF | 2,
                           .cs = FLAT_USER_CS64,
                           .ss = FLAT_USER_SS64,
                           .rdi = rdi};

    user_enter(&e);
}
