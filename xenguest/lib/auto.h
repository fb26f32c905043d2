/*
 * g_autoptr() for structs without a typedef: DEFINE_AUTO(foo) has foo_free(), then AUTO(foo) f =
 * ...;
 */
#pragma once

#define DEFINE_AUTO(type)                                                                          \
    static inline void type##_freep(struct type **p)                                               \
    {                                                                                              \
        type##_free(*p);                                                                           \
    }
#define AUTO(type) __attribute__((cleanup(type##_freep))) struct type *
