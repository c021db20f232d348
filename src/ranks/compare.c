#include "ranks/ranks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { MAX_NAMED = 8 /* ranks, in a message */, MAX_TEXT = 100 /* bytes of each one's fact */ };

/* The index-th of the strings in a piece, each with its NUL; "" where there are fewer. */
static const char *string_of(const char *piece, size_t n_bytes, size_t index) {
    const char *end = piece + n_bytes;
    while (index > 0 && piece < end) {
        piece += strlen(piece) + 1;
        index--;
    }
    return piece < end ? piece : "";
}

/* The first of the ranks whose text most of them have. */
static unsigned find_usual(const char *const *texts, unsigned n) {
    unsigned usual = 0, most = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned same = 0;
        for (unsigned j = 0; j < n; j++) same += strcmp(texts[i], texts[j]) == 0;
        if (same > most) {
            most = same;
            usual = i;
        }
    }
    return usual;
}

static fcl_status check_same(const char *what, const char *const *texts, unsigned n) {
    const unsigned usual = find_usual(texts, n);
    unsigned n_others = 0;
    fcl_text others = FCL_TEXT_EMPTY;
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(texts[i], texts[usual]) == 0) continue;
        if (n_others++ < MAX_NAMED)
            fcl_text_appendf(&others, ", rank %u on %s has '%.*s'", i, fcl_ranks_host(i), MAX_TEXT, texts[i]);
    }
    if (n_others > MAX_NAMED) fcl_text_appendf(&others, ", and so on");
    fcl_status status = fcl_text_status(&others);
    if (status == FCL_OK && n_others > 0)
        status =
            fcl_fail(FCL_E_INPUT, "the %s must be the same on all ranks; %u of %u have '%.*s' as rank %u on %s%s", what,
                     n - n_others, n, MAX_TEXT, texts[usual], usual, fcl_ranks_host(usual), fcl_text_get(&others));
    fcl_text_dispose(&others);
    return status;
}

fcl_status fcl_ranks_compare(const fcl_rank_fact *facts, size_t n) {
    fcl_status status;
    const unsigned n_ranks = fcl_ranks_count();
    fcl_text own = FCL_TEXT_EMPTY;
    size_t *n_bytes = NULL, n_all = 0;
    char *all = NULL;
    const char **texts = NULL;
    for (size_t i = 0; i < n; i++) fcl_text_append_bytes(&own, facts[i].text, strlen(facts[i].text) + 1);
    FCL_TRY(fcl_text_status(&own));
    FCL_TRY(FCL_NEW(&n_bytes, n_ranks, "what ranks compare"));
    FCL_TRY(FCL_NEW(&texts, n_ranks, "what ranks compare"));
    FCL_TRY(fcl_ranks_gather(n_bytes, &own.length, sizeof own.length));
    for (unsigned r = 0; r < n_ranks; r++) n_all += n_bytes[r];
    FCL_TRY(FCL_NEW(&all, n_all, "what ranks compare"));
    FCL_TRY(fcl_ranks_gather_parts(all, n_bytes, own.data));
    for (size_t i = 0; i < n; i++) {
        const char *piece = all;
        for (unsigned r = 0; r < n_ranks; piece += n_bytes[r++]) texts[r] = string_of(piece, n_bytes[r], i);
        FCL_TRY(check_same(facts[i].what, texts, n_ranks));
    }
done:
    fcl_text_dispose(&own);
    free(n_bytes);
    free(all);
    free(texts);
    return status;
}
