// Package conformance holds Walrus's own JavaScript packages against this project: the
// reference encoder, compiled to WebAssembly, the SDK's quilts, and the SDK before nodes,
// while some of them die. It uses the gateway's page in a browser,
// and a client that is generated from the gateway's document, too. It has tests only.
//
// The packages are those of package-lock.json, and `npm ci` in this folder installs
// them. The tests are skipped where they are not installed, unless the environment
// variable REDSTUFF_NPM is set.
package conformance
