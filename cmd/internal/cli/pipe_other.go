//go:build !unix

package cli

func catchClosedPipes() {}
