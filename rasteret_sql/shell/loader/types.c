/* Types of one width: the table that both directions share. */
#include "arrow.h"

static const struct fixed_type FIXED[] = {
    {T_TINYINT, "c", 1},       {T_SMALLINT, "s", 2},      {T_INTEGER, "i", 4},         {T_BIGINT, "l", 8},
    {T_UTINYINT, "C", 1},      {T_USMALLINT, "S", 2},     {T_UINTEGER, "I", 4},        {T_UBIGINT, "L", 8},
    {T_FLOAT, "f", 4},         {T_DOUBLE, "g", 8},        {T_DATE, "tdD", 4},          {T_TIME, "ttu", 8},
    {T_TIME_NS, "ttn", 8},     {T_TIMESTAMP, "tsu:", 8},  {T_TIMESTAMP_S, "tss:", 8},  {T_TIMESTAMP_MS, "tsm:", 8},
    {T_TIMESTAMP_NS, "tsn:", 8}, {T_TIMESTAMP_TZ, "tsu:UTC", 8}, {T_HUGEINT, "d:38,0", 16},
};

const struct fixed_type *fixed_type_of(int type_id) {
    for (size_t i = 0; i < sizeof FIXED / sizeof *FIXED; i++)
        if (FIXED[i].id == type_id) return &FIXED[i];
    return NULL;
}
