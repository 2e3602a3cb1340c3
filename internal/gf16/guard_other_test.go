//go:build !unix

package gf16

import "testing"

// newArena returns n bytes. Where memory cannot be protected, strays beyond them
// go unnoticed.
func newArena(_ testing.TB, n int) []byte { return make([]byte, n) }
