# frozen_string_literal: true

require "digest"
require "etc"
require "tmpdir"

module Karafka
  module Cli
    module Replay
      # Keeps a second process of this machine from a replay that runs: both would send the same messages. The operating system holds
      # the lock for as long as the process lives, so one that was killed leaves none behind.
      class Lock
        # @param cluster_id [String, nil] of Kafka
        # @param group [String] that has the replay's progress
        # @param directory [String]
        def initialize(cluster_id, group, directory: Dir.tmpdir)
          @group = group
          # A group's name may be longer than that of a file.
          digest = Digest::SHA256.hexdigest([cluster_id, group].join(" "))[0, 16]
          @path = File.join(directory, "karafka-replay-#{digest}.lock")
        end

        # @return [Object] what the block gives
        # @raise [Errors::CommandError] another process has it; the block did not run
        def hold
          open do |file|
            refuse!(file) unless file.flock(File::LOCK_EX | File::LOCK_NB)
            write_down(file)
            yield
          end
        end

        private

        def open(&)
          File.open(@path, File::RDWR | File::CREAT | File::NOFOLLOW, 0o644, &)
        rescue Errno::EACCES
          raise Errors::CommandError, "another user has run #{@group} on this machine: #{@path} is theirs. Delete that file where it " \
                                      "does not run any more, or give this replay another --name"
        end

        # The file stays: were it deleted, a third process could lock a new one while a second one has this.
        def write_down(file)
          file.truncate(0)
          file.write("process #{::Process.pid} of #{Etc.getpwuid&.name || ::Process.uid}, since #{Time.now.strftime("%F %T")}")
          file.flush
        end

        def refuse!(file)
          who = file.read
          who = ": #{who}" unless who.empty?
          raise Errors::CommandError, "#{@group} runs already#{who}. Wait for its end, or give this replay another --name"
        end
      end
    end
  end
end
