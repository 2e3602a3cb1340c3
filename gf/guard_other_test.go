//go:build !unix

package gf

import "testing"

// newArena returns n bytes. Where memory cannot be protected, strays beyond them
// go unnoticed.
func newArena(_ testing.TB, n int) []byte { return make([]byte, n) }
