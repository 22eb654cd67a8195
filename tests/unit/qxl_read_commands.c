/* SPDX-License-Identifier: MIT */
/* Cursor, surface and update commands, and the monitors config. */
#include "guest_memory.h"

static QXLPHYSICAL put_shape(struct guest_memory *m, uint16_t type, uint16_t width, uint16_t height,
                             uint32_t data_size, size_t given)
{
    static const uint8_t bytes[4096];
    QXLCursor shape = {.header = {77, type, width, height, 1, 2}, .data_size = data_size};

    return guest_put_chunk(m, &shape, offsetof(QXLCursor, chunk), 0, bytes, given);
}

static enum qxl_read_status read_set(struct guest_memory *m, QXLPHYSICAL shape,
                                     struct qxl_cursor_cmd *out)
{
    QXLCursorCmd cmd = {.type = QXL_CURSOR_SET};
    const char *reason;

    cmd.u.set.position = (QXLPoint16){-3, 5};
    cmd.u.set.visible = 1;
    cmd.u.set.shape = shape;
    return qxl_read_cursor(m->slots, GUEST_GROUP, guest_put(m, &cmd, sizeof(cmd)), out, &reason);
}

static void cursor_shapes(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct qxl_cursor_cmd cmd;

    assert_int_equal(read_set(&m, put_shape(&m, SPICE_CURSOR_TYPE_ALPHA, 10, 10, 400, 400), &cmd),
                     QXL_READ_OK);
    assert_int_equal(cmd.x, -3);
    assert_true(cmd.visible);
    assert_int_equal(cmd.shape->unique, 77);
    assert_int_equal(cmd.shape->size, 400);
    assert_int_equal(cmd.shape->hot_y, 2);
    cursor_free(cmd.shape);
    assert_int_equal(read_set(&m, put_shape(&m, SPICE_CURSOR_TYPE_MONO, 9, 4, 16, 16), &cmd),
                     QXL_READ_OK);
    cursor_free(cmd.shape);
    /* too little data by its own word; by its chunks; no size; too large; of no type */
    assert_int_equal(read_set(&m, put_shape(&m, 0, 10, 10, 399, 400), &cmd), QXL_READ_BAD_VALUE);
    assert_null(cmd.shape);
    assert_int_equal(read_set(&m, put_shape(&m, 0, 10, 10, 400, 399), &cmd), QXL_READ_BAD_VALUE);
    assert_int_equal(read_set(&m, put_shape(&m, 0, 0, 10, 400, 400), &cmd), QXL_READ_BAD_VALUE);
    assert_int_equal(read_set(&m, put_shape(&m, 0, 513, 1, 4000, 4000), &cmd), QXL_READ_TOO_LARGE);
    assert_int_equal(read_set(&m, put_shape(&m, 7, 1, 1, 400, 400), &cmd), QXL_READ_BAD_VALUE);
    assert_int_equal(read_set(&m, 0, &cmd), QXL_READ_BAD_ADDRESS);
    guest_memory_free(&m);
}

static void cursor_data_sizes(void **state)
{
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_ALPHA, 9, 2), 72);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_MONO, 9, 2), 8);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_COLOR4, 9, 2), 10 + 64 + 4);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_COLOR8, 9, 2), 18 + 1024 + 4);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_COLOR16, 9, 2), 36 + 4);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_COLOR24, 9, 2), 54 + 4);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_COLOR32, 9, 2), 72 + 4);
    assert_int_equal(cursor_data_size(SPICE_CURSOR_TYPE_ENUM_END, 9, 2), 0);
}

static void cursor_moves(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct qxl_cursor_cmd out;
    const char *reason;
    QXLCursorCmd cmd = {.type = QXL_CURSOR_MOVE};

    cmd.u.position = (QXLPoint16){-7, 300};
    assert_int_equal(
        qxl_read_cursor(m.slots, GUEST_GROUP, guest_put(&m, &cmd, sizeof(cmd)), &out, &reason),
        QXL_READ_OK);
    assert_true(out.type == QXL_CURSOR_MOVE && out.x == -7 && out.y == 300);
    cmd.type = 9;
    assert_int_equal(
        qxl_read_cursor(m.slots, GUEST_GROUP, guest_put(&m, &cmd, sizeof(cmd)), &out, &reason),
        QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static QXLSurfaceCmd surface(void)
{
    QXLSurfaceCmd cmd = {.surface_id = 5, .type = QXL_SURFACE_CMD_CREATE};

    cmd.u.surface_create =
        (QXLSurface){SPICE_SURFACE_FMT_32_ARGB, 10, 20, -40, guest_address(GUEST_SIZE - 800)};
    return cmd;
}

static enum qxl_read_status read_surface(struct guest_memory *m, const QXLSurfaceCmd *cmd,
                                         struct qxl_surface_cmd *out)
{
    const char *reason;

    return qxl_read_surface(m->slots, GUEST_GROUP, guest_put(m, cmd, sizeof(*cmd)), out, &reason);
}

static void surface_commands(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct qxl_surface_cmd out;
    QXLSurfaceCmd cmd = surface();

    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_OK);
    assert_ptr_equal(out.mem, m.bytes + GUEST_SIZE - 800);
    assert_int_equal(out.mem_size, 800);
    assert_int_equal(out.stride, -40);
    cmd.u.surface_create.height = 21;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_BAD_ADDRESS);
    cmd = surface();
    cmd.u.surface_create.stride = INT32_MIN;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_BAD_VALUE);
    cmd = surface();
    cmd.u.surface_create.height = cmd.u.surface_create.width = UINT32_MAX;
    cmd.u.surface_create.stride = INT32_MAX;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_BAD_ADDRESS);
    cmd = surface();
    cmd.surface_id = 0;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_BAD_VALUE);
    cmd.surface_id = 1;
    cmd.type = QXL_SURFACE_CMD_DESTROY;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_OK);
    cmd.type = 2;
    assert_int_equal(read_surface(&m, &cmd, &out), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void update_commands(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct qxl_update_cmd out;
    const char *reason;
    QXLUpdateCmd cmd = {.area = {1, 2, 3, 4}, .update_id = 6, .surface_id = 7};
    QXLPHYSICAL at = guest_put(&m, &cmd, sizeof(cmd));

    assert_int_equal(qxl_read_update(m.slots, GUEST_GROUP, at, 0, &out, &reason), QXL_READ_OK);
    assert_true(out.area.x1 == 2 && out.area.y2 == 3 && out.update_id == 6 && out.surface_id == 7);
    assert_int_equal(
        qxl_read_update(m.slots, GUEST_GROUP, at, QXL_COMMAND_FLAG_COMPAT, &out, &reason),
        QXL_READ_OK);
    assert_true(out.update_id == 6 && out.surface_id == 0);
    guest_memory_free(&m);
}

static enum qxl_read_status read_monitors(struct guest_memory *m, uint16_t count, uint16_t max,
                                          struct qxl_monitors *out)
{
    struct {
        QXLMonitorsConfig config;
        QXLHead heads[300];
    } config = {.config = {count, max}};
    const char *reason;

    config.heads[1].width = 640;
    return qxl_read_monitors(m->slots, GUEST_GROUP, guest_put(m, &config, sizeof(config)), out,
                             &reason);
}

static void monitors(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct qxl_monitors out;
    const char *reason;

    assert_int_equal(read_monitors(&m, 2, 4, &out), QXL_READ_OK);
    assert_true(out.count == 2 && out.max_allowed == 4 && out.heads[1].width == 640);
    assert_int_equal(read_monitors(&m, 256, 0, &out), QXL_READ_OK);
    assert_int_equal(read_monitors(&m, 257, 0, &out), QXL_READ_TOO_LARGE);
    assert_int_equal(read_monitors(&m, 5, 4, &out), QXL_READ_BAD_VALUE);
    assert_int_equal(read_monitors(&m, 0, 4, &out), QXL_READ_BAD_VALUE);
    QXLMonitorsConfig *last = (QXLMonitorsConfig *)(m.bytes + GUEST_SIZE - sizeof(*last));
    last->count = 1;
    assert_int_equal(qxl_read_monitors(m.slots, GUEST_GROUP,
                                       guest_address(GUEST_SIZE - sizeof(*last)), &out, &reason),
                     QXL_READ_BAD_ADDRESS);
    guest_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_shapes),   cmocka_unit_test(cursor_data_sizes),
        cmocka_unit_test(cursor_moves),    cmocka_unit_test(surface_commands),
        cmocka_unit_test(update_commands), cmocka_unit_test(monitors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
