// Package scrub reads all that a node stores, again and again, and has recovered what
// is not there any more as it was written: disks lose data without a word, and what is
// found early can be recovered from others.
//
// A sliver is compared with the blob's metadata, not only with its checksum. One that
// cannot be read says nothing about what is stored: it is left as it is.
package scrub
