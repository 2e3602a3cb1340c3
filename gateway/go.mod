module github.com/redstuff-go/redstuff/gateway

go 1.25.0

require (
	github.com/redstuff-go/redstuff v0.0.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.41.0 // indirect
)

replace github.com/redstuff-go/redstuff => ../
