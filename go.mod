module github.com/redstuff-go/redstuff

go 1.25

require (
	github.com/klauspost/cpuid/v2 v2.4.2
	github.com/zeebo/blake3 v0.2.4
	golang.org/x/crypto v0.48.0
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sys v0.41.0 // indirect
