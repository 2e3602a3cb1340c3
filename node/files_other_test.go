//go:build !linux

package node_test

import "errors"

// limitFiles lets this process open so many files, for good.
func limitFiles(text string) error {
	if text == "" {
		return nil
	}
	return errors.New("only on Linux")
}
