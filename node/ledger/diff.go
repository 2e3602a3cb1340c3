package ledger

import "iter"

// Diff returns what makes this state of an older one: keys with the values that they
// have now, or with nil if they are gone. Its time is that of what changed if this state
// follows on the older one. Whoever keeps the pairs of [State.Snapshot] on a disk, and
// applies the differences to them, can [Restore] each state. The caller must not change
// what it gets.
func (s *State) Diff(old *State) iter.Seq2[[]byte, []byte] { return s.tree.Diff(old.tree) }
