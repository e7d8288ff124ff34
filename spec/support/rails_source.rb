# frozen_string_literal: true

require "fileutils"
require "open-uri"
require "open3"

# The source of the Rails that is installed here, as Debian has it: packages come without the tests. Fetched once into tmp/.
module RailsSource
  DIR = File.expand_path("../../tmp/rails-source", __dir__)
  SECONDS = 60

  class << self
    # @return [String] the directory of activejob, with its tests
    # @raise [StandardError] it is not to be had, and why
    def activejob
      version = Gem::Specification.find_by_name("activejob").version
      directory = File.join(DIR, "rails-#{version}", "activejob")
      fetch(version) unless File.directory?(directory)
      directory
    end

    private

    # Into a directory of its own first, so that one that was not fetched to its end is not taken for whole.
    def fetch(version)
      part = "#{DIR}.#{Process.pid}"
      FileUtils.mkdir_p(part)
      archive = File.join(part, "rails.tar.xz")
      File.binwrite(archive, URI.parse(address(version)).open(open_timeout: SECONDS, read_timeout: SECONDS, &:read))
      output, status = Open3.capture2e("tar", "xJf", archive, "-C", part, *%w[activejob tools].map { |name| "rails-#{version}/#{name}" })
      raise "#{archive} cannot be unpacked: #{output}" unless status.success?

      FileUtils.mkdir_p(DIR)
      FileUtils.mv(File.join(part, "rails-#{version}"), DIR)
    ensure
      FileUtils.rm_rf(part)
    end

    # The archive lies beside the packages.
    def address(version)
      package, status = Open3.capture2e("apt-get", "download", "--print-uris", "ruby-activejob")
      found = package[/'([^']+)'/, 1]
      raise "apt-get has no ruby-activejob: #{package}" unless status.success? && found

      "#{File.dirname(found)}/rails_#{version}%2bdfsg.orig.tar.xz"
    end
  end
end
