/* SPDX-License-Identifier: MIT */
/*
 * The syntax of xl.cfg: what a text means, and for each way to get it wrong the exact line that an operator
 * reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dom0/toolstack/xlcfg.h"
#include "tests/host/toolstack/capture.h"

static int parse(struct xlcfg *cfg, const char *text)
{
    memset(cfg, 0, sizeof(*cfg));
    capture_start();
    return xlcfg_parse(cfg, "f.cfg", text, strlen(text));
}

static const char *text_of(const struct xlcfg *cfg, const char *key)
{
    const struct xlcfg_setting *s = xlcfg_find(cfg, key);

    assert_non_null(s);
    assert_int_not_equal(s->value.kind, XLCFG_LIST);
    return s->value.text;
}

static void test_values(void **state)
{
    struct xlcfg cfg;

    (void)state;
    assert_int_equal(parse(&cfg, "# a comment\n"
                                 "a = 'one'; b=\"two # no comment\"  # but this\n"
                                 "\r\n"
                                 "c = 0x1F\n"
                                 "d = \"tab\\tquote\\\"hex\\x41\"\n"
                                 "e = '''three\n'lines'\nhere'''\n"
                                 "f = \"\"\"x\"\"\"\n"
                                 "g = ''"),
                     0);
    assert_string_equal(text_of(&cfg, "a"), "one");
    assert_string_equal(text_of(&cfg, "b"), "two # no comment");
    assert_string_equal(text_of(&cfg, "c"), "0x1F");
    assert_string_equal(text_of(&cfg, "d"), "tab\tquote\"hexA");
    assert_string_equal(text_of(&cfg, "e"), "three\n'lines'\nhere");
    assert_string_equal(text_of(&cfg, "f"), "x");
    assert_string_equal(text_of(&cfg, "g"), "");
    assert_int_equal(xlcfg_find(&cfg, "c")->value.kind, XLCFG_NUMBER);
    assert_int_equal(xlcfg_find(&cfg, "g")->line, 10);
    xlcfg_free(&cfg);
}

static void test_lists(void **state)
{
    struct xlcfg cfg;
    const struct xlcfg_value *v;

    (void)state;
    assert_int_equal(parse(&cfg, "l = [ 'a',\n  # inside\n 'b' , [1, 2], ]\nn = []\nl += ['c']\n"), 0);
    v = &xlcfg_find(&cfg, "l")->value;
    assert_int_equal(v->count, 4);
    assert_string_equal(v->items[1].text, "b");
    assert_int_equal(v->items[1].line, 3);
    assert_int_equal(v->items[2].count, 2);
    assert_string_equal(v->items[3].text, "c");
    assert_int_equal(xlcfg_find(&cfg, "n")->value.count, 0);
    xlcfg_free(&cfg);
}

static void test_replace_and_add(void **state)
{
    struct xlcfg cfg;

    (void)state;
    assert_int_equal(parse(&cfg, "a = 1\na = 2\nb = 'x'\nb += 'y'\nc += 'z'\n"), 0);
    assert_int_equal(cfg.count, 3);
    assert_string_equal(text_of(&cfg, "a"), "2");
    assert_string_equal(text_of(&cfg, "b"), "xy");
    assert_string_equal(text_of(&cfg, "c"), "z");
    xlcfg_free(&cfg);
}

static void test_overrides(void **state)
{
    struct xlcfg cfg;

    (void)state;
    assert_int_equal(parse(&cfg, "memory = 1\nextra = 'a'\n"), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "memory=512", 1), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "name=web one", 2), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "extra+= b", 3), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "disk=['/x,raw,xvda']", 4), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "uuid=12ab", 5), 0);
    assert_int_equal(xlcfg_parse_override(&cfg, "empty=", 6), 0);
    assert_string_equal(text_of(&cfg, "memory"), "512");
    assert_string_equal(text_of(&cfg, "name"), "web one");
    assert_string_equal(text_of(&cfg, "extra"), "a b");
    assert_string_equal(text_of(&cfg, "uuid"), "12ab");
    assert_string_equal(text_of(&cfg, "empty"), "");
    assert_int_equal(xlcfg_find(&cfg, "disk")->value.count, 1);
    assert_string_equal(xlcfg_find(&cfg, "memory")->source, "command line");
    xlcfg_free(&cfg);
}

static void test_golden_errors(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"name = web\n", "hospes: f.cfg:1: expected a value, found the word web (a string needs quotes)\n"},
        {"\n\nname 'x'\n", "hospes: f.cfg:3: expected '=' behind name\n"},
        {"name = 'x\n'\n", "hospes: f.cfg:1: a string is not closed on its line\n"},
        {"a = 1\nname = '''x\n\n", "hospes: f.cfg:2: a string in triple quotes is not closed\n"},
        {"a = [ 'x'\n'y' ]\n", "hospes: f.cfg:2: expected ',' or ']' in the list that begins in line 1\n"},
        {"a = [ 'x',\n", "hospes: f.cfg:2: expected a value: a string in quotes, a number or a list\n"},
        {"a = [ , ]\n", "hospes: f.cfg:1: expected a value: a string in quotes, a number or a list\n"},
        {"a = [[[[[[[[[1]]]]]]]]]\n", "hospes: f.cfg:1: lists inside lists are too deep\n"},
        {"a = 1 2\n", "hospes: f.cfg:1: unexpected text behind the value of a\n"},
        {"= 1\n", "hospes: f.cfg:1: expected KEY = VALUE\n"},
        {"a = 1\n%\n", "hospes: f.cfg:2: unexpected '%'\n"},
        {"a = \x01\n", "hospes: f.cfg:1: unexpected byte 0x01\n"},
        {"a =\n", "hospes: f.cfg:1: expected a value: a string in quotes, a number or a list\n"},
        {"a = '\\q'\n",
         "hospes: f.cfg:1: a backslash in a string stands before none of \\ ' \" a b f n r t v xHH\n"},
        {"a = '\\x00'\n",
         "hospes: f.cfg:1: a backslash in a string stands before none of \\ ' \" a b f n r t v xHH\n"},
        {"a = 'x'\na += [1]\n", "hospes: f.cfg:2: += cannot add a list to a string or a string to a list\n"},
    };
    struct xlcfg cfg;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(&cfg, cases[i].text), -1);
        assert_string_equal(capture_text(), cases[i].message);
        xlcfg_free(&cfg);
    }
}

static void test_override_errors(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"novalue", "hospes: command line:7: \"novalue\" is not KEY=VALUE\n"},
        {"=x", "hospes: command line:7: \"=x\" is not KEY=VALUE\n"},
        {"a b=x", "hospes: command line:7: \"a b=x\" is not KEY=VALUE\n"},
        {"a='x", "hospes: command line:7: a string is not closed on its line\n"},
        {"a='x' y", "hospes: command line:7: unexpected text behind the value of a\n"},
    };
    struct xlcfg cfg;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&cfg, 0, sizeof(cfg));
        capture_start();
        assert_int_equal(xlcfg_parse_override(&cfg, cases[i].text, 7), -1);
        assert_string_equal(capture_text(), cases[i].message);
        xlcfg_free(&cfg);
    }
}

/* No prefix of a good file does more than fail. */
static void test_every_prefix(void **state)
{
    static const char text[] = "a = 'one' # c\nl = [ 'x', [1, 0x2], \"\\x41\" ]\ns += '''long\n'''\n";
    struct xlcfg cfg;

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        char *exact = malloc(len + 1); /* +1: malloc(0); the parser gets len */

        assert_non_null(exact);
        memcpy(exact, text, len);
        memset(&cfg, 0, sizeof(cfg));
        capture_start();
        xlcfg_parse(&cfg, "f.cfg", exact, len);
        xlcfg_free(&cfg);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_lists),
        cmocka_unit_test(test_replace_and_add), cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_golden_errors),   cmocka_unit_test(test_override_errors),
        cmocka_unit_test(test_every_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
