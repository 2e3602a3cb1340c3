package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropFileCapabilities takes from what this thread executes the power to disregard the
// modes of files.
func dropFileCapabilities() error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, c := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
