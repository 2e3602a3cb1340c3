// Package light verifies facts of a ledger without replaying it: for who knows genesis
// alone, and trusts nobody.
//
// Genesis has the stake that elects the first committee. A quorum of each committee
// signs the handover to the next one: a [ledger.Checkpoint] with the digest of who comes
// next. Along these a [Client] follows the epochs, at a few hundred bytes each where the
// members stay the same. The last committee has signed a root of the state, against
// which the value of a key, or its absence, is proven; and any committee on the way
// verifies certificates of its epoch, for instance that a blob is stored.
//
// Where the messages come from does not matter. A [Source] can refuse to answer, and
// show what was true some time ago, but no more than that: whatever else it says is an
// error, of a kind that tells what it tried, and the next source is asked. Against the
// old there are [Options].MaxAge, and that a client never goes back behind what it has
// seen; what it trusts outlives the process in a [Store].
//
// What it takes: of each epoch, fewer than a third of the shards are owned by nodes
// that lie then or later. A committee whose members lose or sell their keys years
// later can sign a second history; who has followed the first one is not led astray.
//
// Whoever has the states of a ledger serves light clients from an [Archive].
package light
