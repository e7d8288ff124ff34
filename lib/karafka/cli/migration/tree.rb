# frozen_string_literal: true

require "pathname"

module Karafka
  module Cli
    module Migration
      # The files of an application that may have to do with Kafka. Directories of dependencies and of generated files are left out, and
      # links to directories are not followed: what they lead to is either in the tree anyway, or no part of it.
      class Tree
        LEFT_OUT = %w[.git .bundle .kafka node_modules vendor tmp log logs coverage public pkg target dist build].freeze
        # How many files are read, and how long one may be.
        MOST_FILES = 20_000
        MOST_BYTES = 1_000_000
        RUBY = /\.(rb|rake|ru|gemspec)\z|\A(Rakefile|Gemfile|gems\.rb|Capfile)\z/
        # Those that start processes, or set their environment.
        COMMANDS = %r{\A(Procfile|Dockerfile|\.env)|\.(sh|ya?ml|service|conf|env)\z|(\A|/)bin/[\w-]+\z}
        LOCKS = %w[Gemfile.lock gems.locked].freeze
        private_constant :LEFT_OUT, :RUBY, :COMMANDS, :LOCKS

        # A file that was not read, and why.
        Unread = Struct.new(:file, :reason)

        # @return [Array<Unread>]
        attr_reader :unread
        # @return [Integer]
        attr_reader :files_read

        # @param root [String, Pathname]
        # @param most_files [Integer]
        def initialize(root, most_files: MOST_FILES)
          @root = Pathname.new(root)
          @most_files = most_files
          @unread = []
          @files_read = 0
        end

        # @yieldparam path [String] below the root
        # @yieldparam kind [:ruby, :lock, :commands]
        # @return [void]
        def each
          all = paths
          all.first(@most_files).each do |path|
            kind = kind(path) and yield path, kind
          end
          return if all.size <= @most_files

          skip(".", "there are #{all.size} files that may have to do with Kafka; only the first #{@most_files} were read. " \
                    "Run the command in the directories of its parts")
        end

        # @param path [String] below the root
        # @return [String, nil] its text in UTF-8; nil: see {#unread}
        def read(path)
          file = @root.join(path)
          # A pipe or a socket would never end.
          return unless file.file?
          return skip(path, "it has #{file.size} bytes, more than #{MOST_BYTES}") if file.size > MOST_BYTES

          @files_read += 1
          utf8(file.binread)
        rescue SystemCallError => e
          skip(path, "it cannot be read: #{e.message.sub(/ @ .*/, "")}")
        end

        private

        def skip(path, reason)
          @unread << Unread.new(path, reason)
          nil
        end

        def kind(path)
          name = File.basename(path)
          return :lock if LOCKS.include?(path)
          return :ruby if name.match?(RUBY)

          :commands if name.match?(COMMANDS) || path.match?(COMMANDS)
        end

        # In an order of their own: what is at the top comes first.
        def paths
          found = []
          waiting = [""]
          until waiting.empty?
            directory = waiting.shift
            entries(directory).each do |name|
              path = directory.empty? ? name : "#{directory}/#{name}"
              if directory?(path) then waiting << path unless LEFT_OUT.include?(name)
              elsif kind(path) then found << path
              end
            end
          end
          found
        end

        def entries(directory)
          @root.join(directory).children(false).map(&:to_s).select(&:valid_encoding?).sort
        rescue SystemCallError => e
          skip(directory.empty? ? "." : directory, "it cannot be read: #{e.message.sub(/ @ .*/, "")}")
          []
        end

        def directory?(path)
          file = @root.join(path)
          file.directory? && !file.symlink?
        end

        # Whatever it is written in: what a magic comment or a byte order mark says, else UTF-8, without what is none.
        def utf8(bytes)
          encoding = encoding(bytes)
          text = bytes.dup.force_encoding(encoding)
          text = text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace) unless encoding == Encoding::UTF_8
          text.scrub("?").delete_prefix("\uFEFF").gsub("\r\n", "\n")
        end

        def encoding(bytes)
          return Encoding::UTF_16LE if bytes.start_with?("\xFF\xFE".b)
          return Encoding::UTF_16BE if bytes.start_with?("\xFE\xFF".b)

          named = bytes.lines.first(2).join[/\A.*?coding[:=]\s*([\w.-]+)/mn, 1]
          found = named ? Encoding.find(named.b) : Encoding::UTF_8
          found.dummy? ? Encoding::UTF_8 : found
        rescue ArgumentError
          Encoding::UTF_8
        end
      end
    end
  end
end
