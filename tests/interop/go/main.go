// Other people's Go tools on Hutong's logs and witness: the Go checksum database's note and tlog packages, Tessera's fsck,
// torchwood's checkpoints, cosignatures and policies. Each is used as published.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"k8s.io/klog/v2"
)

const usage = `usage:
  interop log FOLDER                     verify a kept demo's log and receipts, and reject tampered copies of it
  interop new-log FOLDER                 make a log's key, and print its vkey
  interop witness FOLDER URL VKEY        show a witness that log's growth, forks and rollbacks
  interop cosign KEPT URL VKEY COPY      have a witness cosign a kept demo's log as it grew, and copy the log with the cosignature
  interop published URL POLICY           wait until a hub publishes a checkpoint that meets a trust policy
  interop policy FOLDER POLICY           verify a copy's checkpoint under a trust policy`

func main() {
	quiet()
	args := os.Args[1:]
	var run func() error
	switch {
	case len(args) == 2 && args[0] == "log":
		run = func() error { return checkLog(args[1]) }
	case len(args) == 2 && args[0] == "new-log":
		run = func() error { return newLog(args[1]) }
	case len(args) == 4 && args[0] == "witness":
		run = func() error { return tryWitness(args[1], args[2], args[3]) }
	case len(args) == 5 && args[0] == "cosign":
		run = func() error { return cosign(args[1], args[2], args[3], args[4]) }
	case len(args) == 3 && args[0] == "published":
		run = func() error { return published(args[1], args[2]) }
	case len(args) == 3 && args[0] == "policy":
		run = func() error { return checkPolicy(args[1], args[2]) }
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", args[0], err)
		os.Exit(1)
	}
}

// quiet keeps what fsck writes about its work to itself: an error it returns as well.
func quiet() {
	flags := flag.NewFlagSet("klog", flag.ExitOnError)
	klog.InitFlags(flags)
	_ = flags.Set("logtostderr", "false")
	_ = flags.Set("stderrthreshold", "FATAL")
	klog.SetOutput(io.Discard)
}
