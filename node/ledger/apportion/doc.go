// Package apportion decides who owns which shards, and what a committee's votes come
// to. It is pure arithmetic on integers: equal input gives equal output on every
// machine, as a ledger needs.
//
// Shards are apportioned to stake by the method of D'Hondt, with a cap, and handed over
// from one committee to the next with as few moves as there can be. The rules are those
// of Walrus's staking contract.
package apportion
