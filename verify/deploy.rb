#!/usr/bin/env ruby
# frozen_string_literal: true

# Carries out the steps of examples/deploy/Dockerfile in a Debian 13 that debootstrap makes: the gem is compiled in the first stage; in the
# second one a server consumes as a user of its own, and ends by the image's signal. Needs root, debootstrap, and 1.5 GB below TMPDIR. The
# base stays in KARAFKA_CHROOTS (~/.cache/karafka-rs/debian) for the next time.
#   verify/deploy.rb [--gem FILE]

require "optparse"
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require_relative "deploy/run"

options = {}
OptionParser.new { |parser| parser.on("--gem FILE", "another gem than this checkout.s, such as a compiled one") }.parse!(into: options)
(reason = Verify::Deploy.unavailable) && abort(reason)
$stdout.sync = true

begin
  Verify::Deploy.new(**options).run
rescue Verify::Root::Failed => e
  abort "deploy: #{e.message}"
end
