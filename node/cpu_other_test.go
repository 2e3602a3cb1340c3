//go:build !unix

package node_test

import "testing"

func processor(*testing.B) float64 { return 0 }

func processorTime(*testing.B) (report func()) { return func() {} }
