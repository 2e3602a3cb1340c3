//go:build !unix

package flood

// noSuchSource reports whether the system may not have the address to dial from.
func noSuchSource(error) bool { return true }
