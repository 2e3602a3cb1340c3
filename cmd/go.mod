module github.com/redstuff-go/redstuff/cmd

go 1.25.0

require (
	github.com/alecthomas/kong v1.16.1
	github.com/dustin/go-humanize v1.0.1
	github.com/redstuff-go/redstuff v0.0.0
	github.com/rogpeppe/go-internal v1.14.1
	github.com/schollz/progressbar/v3 v3.19.0
	golang.org/x/sync v0.19.0
	golang.org/x/term v0.40.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/sys v0.41.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
)

replace github.com/redstuff-go/redstuff => ../
