//go:build !unix

package node_test

import "testing"

// processorTime is not known here.
func processorTime(*testing.B) (report func()) { return func() {} }
