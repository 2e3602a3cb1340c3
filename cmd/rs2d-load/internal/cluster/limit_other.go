//go:build !unix

package cluster

import "errors"

// limitOpenFiles lowers what this process may open, for good. 0 leaves it.
func limitOpenFiles(n uint64) error {
	if n == 0 {
		return nil
	}
	return errors.New("this system has no limit of open files")
}
