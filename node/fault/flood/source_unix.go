//go:build unix

package flood

import (
	"errors"
	"syscall"
)

// noSuchSource reports whether the system does not have the address to dial from.
func noSuchSource(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }
