/* SPDX-License-Identifier: MIT */
#include "window.h"

#ifdef CARAVAN_WINDOW

#include <gtk/gtk.h>
#include <spice-client-gtk.h>

struct window {
    GtkWidget *top;
    bool closed;
};

static gboolean window_on_delete(GtkWidget *top, GdkEvent *event, gpointer data)
{
    struct window *window = data;

    (void)top;
    (void)event;
    window->closed = true;
    return TRUE; /* window_free takes it away */
}

struct window *window_new(SpiceSession *session, const char *title, GError **error)
{
    struct window *window;
    SpiceDisplay *display;

    if (!gtk_init_check(NULL, NULL)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "there is no desktop to open a window on");
        return NULL;
    }
    window = g_new0(struct window, 1);
    window->top = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    gtk_window_set_title(GTK_WINDOW(window->top), title);
    gtk_window_set_default_size(GTK_WINDOW(window->top), 1024, 768);
    display = spice_display_new(session, 0);
    g_object_set(display, "grab-keyboard", FALSE, "resize-guest", FALSE, NULL);
    gtk_container_add(GTK_CONTAINER(window->top), GTK_WIDGET(display));
    g_signal_connect(window->top, "delete-event", G_CALLBACK(window_on_delete), window);
    gtk_widget_show_all(window->top);
    return window;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    gtk_widget_destroy(window->top);
    g_free(window);
}

bool window_closed(const struct window *window)
{
    return window->closed;
}

#else

struct window *window_new(SpiceSession *session, const char *title, GError **error)
{
    (void)session;
    (void)title;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "this build has no windows");
    return NULL;
}

void window_free(struct window *window)
{
    (void)window;
}

bool window_closed(const struct window *window)
{
    (void)window;
    return false;
}

#endif
