//go:build !linux

package main

func dropFileCapabilities() error { return nil }
