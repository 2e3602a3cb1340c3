//go:build !unix

package httpd

// RaiseDescriptors returns the limit of the process's file descriptors, which is not
// known here: 0.
func RaiseDescriptors() int { return 0 }

// NoDescriptors reports whether the error is that there are no descriptors, which is not
// known here.
func NoDescriptors(error) bool { return false }
