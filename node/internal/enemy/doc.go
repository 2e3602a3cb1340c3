// Package enemy is what tests of nodes, healers and clients set against them: members
// that answer as they please, strangers who take what they can get, and disks that fail
// in a way that says nothing about what is on them.
//
// A [Member] stands before the handler of an honest node, or of a fake one, and answers
// each [Endpoint] in one of the ways of [Behaviours]. [Serve] gives a handler the key of
// a member and an address of its own. [Strangers] starts a flood of package flood.
// All of it ends with the test.
package enemy
