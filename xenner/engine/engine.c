#include "xenner/engine/engine.h"

const struct engine_ops *const engines[] = {&engine_kvm, &engine_tcg, NULL};
