// Package httpd bounds what a server of HTTP/1.1 spends on whom: connections, memory
// for bodies, requests at once, and turns at the processors. It knows nothing of what
// is served.
//
// Whoever is at the other end of a connection is a [Party]: a member, a client, or a
// stranger, who is known by its network alone. Each resource is divided among parties by
// one rule (the dynamic thresholds of Choudhury and Hahne, "Dynamic queue length
// thresholds for shared-memory packet switches", 1998): a party may hold no more than is
// left free. One greedy party so holds half at most, k of them leave one part in k+1,
// and whoever comes next finds something. Strangers together hold at most half, so that
// inventing many of them gains nothing. While others are served, all that is done for
// strangers, from shaking hands to sending answers, is done in turns, and little of it.
//
// A refusal costs the refused one. It is answered at once, before the body has come; the
// connection is kept if the body is short and follows at once, and closed otherwise. A
// request's time is earned by bytes that came, never by a length that was announced.
package httpd
