/* Ctrl-Z where it is held back: processes of their own that are stopped and continued. */
#include "base/suspend.h"
#include "base/clock.h"
#include "support/support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const double stop_seconds = 0.5, some_seconds = 0.2;

/* Runs `child` in a process of its own, which it ends with the returned code. */
static pid_t start(int (*child)(void)) {
    pid_t id = fork();
    ck_assert_int_ge(id, 0);
    if (id == 0) {
        setpgid(0, 0); /* with a parent outside of it, so that the system lets SIGTSTP stop it */
        _exit(child());
    }
    return id;
}

static void wait_for_stop(pid_t id, int signal_number) {
    int status;
    ck_assert_int_eq(waitpid(id, &status, WUNTRACED), id);
    ck_assert_msg(WIFSTOPPED(status), "it ended instead of stopping");
    ck_assert_int_eq(WSTOPSIG(status), signal_number);
}

static void go_on(pid_t id, int wanted_code) {
    int status;
    ck_assert_int_eq(kill(id, SIGCONT), 0);
    ck_assert_int_eq(waitpid(id, &status, 0), id);
    ck_assert_msg(WIFEXITED(status), "it did not end by itself");
    ck_assert_int_eq(WEXITSTATUS(status), wanted_code);
}

/* 0 when all is as it should be, else which step was not. */
static int hold_then_stop(void) {
    fcl_suspend_enable();
    fcl_suspend_hold();
    if (fcl_suspend_requested()) return 1;
    raise(SIGTSTP); /* would stop here if it were not held */
    if (!fcl_suspend_requested()) return 2;
    const double begin = fcl_clock_seconds();
    fcl_suspend();
    if (fcl_suspend_requested()) return 3;
    const double passed = fcl_clock_seconds() - begin;
    if (passed < 0.0 || passed > some_seconds) return 4;
    raise(SIGTSTP);
    raise(SIGCONT); /* before it stopped */
    if (fcl_suspend_requested()) return 6;
    raise(SIGTSTP);
    fcl_suspend_release();
    if (fcl_clock_seconds() - begin > 2.0 * some_seconds) return 5;
    raise(SIGTSTP);
    return 0;
}

/* Three stops: where the holder wants it, at the release, and at once after that. The clock skips the first two. */
START_TEST(stops_where_it_may_and_the_clock_with_it) {
    pid_t id = start(hold_then_stop);
    wait_for_stop(id, SIGSTOP);
    fcl_clock_sleep(stop_seconds);
    ck_assert_int_eq(kill(id, SIGCONT), 0);
    wait_for_stop(id, SIGSTOP);
    fcl_clock_sleep(stop_seconds);
    ck_assert_int_eq(kill(id, SIGCONT), 0);
    wait_for_stop(id, SIGTSTP);
    go_on(id, 0);
}
END_TEST

static int not_enabled(void) {
    fcl_suspend_hold();
    raise(SIGTSTP);
    return fcl_suspend_requested();
}

START_TEST(a_program_that_did_not_ask_stops_at_once) {
    pid_t id = start(not_enabled);
    wait_for_stop(id, SIGTSTP);
    go_on(id, 0);
}
END_TEST

static int ignored(void) {
    signal(SIGTSTP, SIG_IGN);
    fcl_suspend_enable();
    fcl_suspend_hold();
    raise(SIGTSTP);
    fcl_suspend_release();
    raise(SIGTSTP);
    return fcl_suspend_requested();
}

START_TEST(ignored_stays_ignored) {
    int status;
    pid_t id = start(ignored);
    ck_assert_int_eq(waitpid(id, &status, WUNTRACED), id);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: suspend");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, stops_where_it_may_and_the_clock_with_it);
    tcase_add_test(tests, a_program_that_did_not_ask_stops_at_once);
    tcase_add_test(tests, ignored_stays_ignored);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
