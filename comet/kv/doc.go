// Package kv keeps several databases, as CometBFT wants them, in one database of
// pebble's: they share its log, its cache and its files.
package kv
